// Details of what was chosen, and the table.
import { bytes, errorShare, fullName, health, milliseconds, rate, security, share, traffic } from "./format.js";
import { weight } from "./model.js";

export function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function facts(list) {
  return html("dl", {}, ...list.flatMap(([name, value, look]) => [html("dt", {}, name), html("dd", look ? { class: look } : {}, value)]));
}

function lookOf(edge) {
  return { bad: "bad-text", warn: "warn-text", ok: "" }[health(edge)];
}

function edgeFacts(edge) {
  const list = [["Protocol", edge.protocol.toUpperCase()]];
  if (edge.protocol !== "tcp") {
    list.push(["Requests", rate(edge.requests)]);
    list.push(["Errors", edge.requests > 0 ? `${share(errorShare(edge))} (${rate(edge.errors)})` : "–", lookOf(edge)]);
    list.push(["Latency p50", milliseconds(edge.p50)], ["Latency p95", milliseconds(edge.p95)], ["Latency p99", milliseconds(edge.p99)]);
  }
  if (edge.bytes > 0) list.push(["Bytes", bytes(edge.bytes)]);
  if (edge.connections > 0) list.push(["New connections", rate(edge.connections)]);
  list.push(["Mutual TLS", security(edge), edge.mtls !== undefined && edge.mtls < 0.9995 ? "warn-text" : ""]);
  if (edge.parts > 1) list.push(["Bundle of", `${edge.parts} edges; latencies are those of the slowest`]);
  return list;
}

function edgeButton(edge, other, go) {
  const button = html("button", { type: "button", title: `${fullName(edge.source)} → ${fullName(edge.target)}` },
    html("span", {}, other.name), html("span", { class: lookOf(edge) }, traffic(edge) + (health(edge) === "ok" ? "" : " " + share(errorShare(edge)))));
  button.addEventListener("click", () => go(edge.key));
  return html("li", {}, button);
}

function edgeList(title, edges, end, go) {
  if (!edges.length) return [];
  const sorted = [...edges].sort((a, b) => weight(b) - weight(a));
  return [html("h3", {}, `${title} (${edges.length})`), html("ul", {}, ...sorted.map((edge) => edgeButton(edge, edge[end], go)))];
}

function sum(edges, name) {
  return edges.reduce((total, edge) => total + (edge[name] || 0), 0);
}

// `actions`: go(key), close(), toggle(namespace).
export function showDetails(panel, item, graph, actions) {
  const close = html("button", { type: "button", class: "close", "aria-label": "Close details" }, "×");
  close.addEventListener("click", actions.close);
  panel.replaceChildren(close);
  if (item.edge) {
    const { edge } = item;
    panel.append(html("h2", {}, `${edge.source.name} → ${edge.target.name}`), facts([["From", fullName(edge.source)], ["To", fullName(edge.target)], ...edgeFacts(edge)]));
    const ends = html("ul");
    for (const node of [edge.source, edge.target]) {
      const button = html("button", { type: "button" }, html("span", {}, "Show " + node.name));
      button.addEventListener("click", () => actions.go(node.key));
      ends.append(html("li", {}, button));
    }
    panel.append(html("h3", {}, "Ends"), ends);
    return;
  }
  const { node } = item;
  const into = graph.edges.filter((e) => e.target === node), out = graph.edges.filter((e) => e.source === node);
  const list = [];
  if (node.namespace && !node.group) list.push(["Namespace", node.namespace]);
  if (node.group) list.push(["Services", String(node.members.size)]);
  if (node.internal > 0) list.push(["Inside", rate(node.internal)]);
  if (node.kind !== "workload") list.push(["Is", node.kind === "external" ? "outside the mesh, or without a proxy" : "not known: its calls come without a mesh identity"]);
  list.push(["Requests in", rate(sum(into, "requests"))]);
  const asked = sum(into, "requests");
  if (asked > 0) list.push(["Errors in", share(sum(into, "errors") / asked)]);
  list.push(["Requests out", rate(sum(out, "requests"))]);
  panel.append(html("h2", {}, node.group ? "Namespace " + node.name : node.name), facts(list));
  if (node.group || actions.opened(node.namespace)) {
    const button = html("button", { type: "button" }, node.group ? "Show its services" : `Close namespace ${node.namespace}`);
    button.addEventListener("click", () => actions.toggle(node.namespace));
    panel.append(html("p", {}, button));
  }
  panel.append(...edgeList("Called by", into, "source", actions.go), ...edgeList("Calls", out, "target", actions.go));
}

const COLUMNS = [
  { title: "From", value: (e) => e.source.name, node: (e) => e.source },
  { title: "To", value: (e) => e.target.name, node: (e) => e.target },
  { title: "Protocol", value: (e) => e.protocol, text: (e) => e.protocol.toUpperCase() },
  { title: "Traffic", value: weight, text: traffic, number: true },
  { title: "Errors", value: errorShare, text: (e) => (e.requests > 0 ? share(errorShare(e)) : "–"), look: lookOf, number: true },
  { title: "p50", value: (e) => e.p50 ?? -1, text: (e) => milliseconds(e.p50), number: true },
  { title: "p95", value: (e) => e.p95 ?? -1, text: (e) => milliseconds(e.p95), number: true },
  { title: "p99", value: (e) => e.p99 ?? -1, text: (e) => milliseconds(e.p99), number: true },
  { title: "Mutual TLS", value: (e) => e.mtls ?? -1, text: security, look: (e) => (e.mtls !== undefined && e.mtls < 0.9995 ? "warn-text" : "") },
];
const MOST_ROWS = 1000;

function cell(column, edge) {
  if (column.node) {
    const node = column.node(edge);
    const result = html("td", { class: "name", title: fullName(node) }, node.name);
    if (node.namespace) result.append(html("small", {}, " " + node.namespace));
    return result;
  }
  const look = column.look?.(edge) || "";
  return html("td", { class: `${column.number ? "number " : ""}${look}`.trim() }, column.text(edge));
}

export class Table {
  constructor(root) {
    this.root = root;
    this.by = 3;
    this.down = true;
  }

  show(rows) {
    this.rows = rows;
    const column = COLUMNS[this.by], sign = this.down ? -1 : 1;
    const sorted = [...rows].sort((a, b) => {
      const [x, y] = [column.value(a), column.value(b)];
      return sign * (typeof x === "string" ? x.localeCompare(y) : x - y) || a.source.name.localeCompare(b.source.name);
    });
    const head = html("tr", {}, ...COLUMNS.map((each, i) => this.header(each, i)));
    const body = html("tbody", {}, ...sorted.slice(0, MOST_ROWS).map((edge) => html("tr", {}, ...COLUMNS.map((each) => cell(each, edge)))));
    const more = rows.length > MOST_ROWS ? `; the first ${MOST_ROWS} are shown` : "";
    const focused = this.root.contains(document.activeElement) && document.activeElement.tagName === "BUTTON";
    const top = this.root.scrollTop;
    this.root.replaceChildren(html("table", {}, html("caption", {}, `Who calls whom: ${rows.length} edges${more}`), html("thead", {}, head), body));
    this.root.scrollTop = top;
    if (focused) head.children[this.by].firstChild.focus();
  }

  header(column, index) {
    const chosen = index === this.by;
    const button = html("button", { type: "button" }, column.title + (chosen ? (this.down ? " ▾" : " ▴") : ""));
    button.addEventListener("click", () => {
      this.down = chosen ? !this.down : Boolean(column.number);
      this.by = index;
      this.show(this.rows);
    });
    return html("th", { scope: "col", class: column.number ? "number" : "", "aria-sort": chosen ? (this.down ? "descending" : "ascending") : "none" }, button);
  }
}
