// Draws the DOT text of /dotgraph; parameters of this page are passed on.
import { layout } from "./layout.js";
import { svg } from "./svg.js";

// What /dotgraph writes: one statement a line, every name quoted.
export function parseDot(text) {
  const nodes = new Map(), edges = [];
  const quoted = /"((?:[^"\\]|\\.)*)"/g;
  for (const line of text.split("\n").slice(1)) {
    const words = [...line.matchAll(quoted)].map((match) => match[1].replace(/\\(.)/g, "$1"));
    if (words.length === 3) edges.push({ source: words[0], target: words[1], label: words[2] });
    else if (words.length === 2) nodes.set(words[0], words[1]);
  }
  return { nodes, edges };
}

function draw({ nodes, edges }) {
  const ids = [...nodes.keys()], index = new Map(ids.map((id, i) => [id, i]));
  const known = edges.filter((e) => index.has(e.source) && index.has(e.target));
  const longest = Math.max(6, ...[...nodes.values()].map((name) => name.length));
  const radius = { x: longest * 3.9 + 14, y: 18 };
  const at = layout(ids.length, known.map((e) => ({ s: index.get(e.source), t: index.get(e.target) })),
    { w: 2 * radius.x + 170, h: 58 }, 1.6);
  const left = Math.min(...at.x) - radius.x - 50, top = Math.min(...at.y) - 50;
  const width = Math.max(...at.x) + radius.x + 50 - left, height = Math.max(...at.y) + 50 - top;
  const root = svg("svg", { class: "dot", width, height, viewBox: `${left} ${top} ${width} ${height}`, role: "img", "aria-label": "Service graph" },
    svg("defs", {}, svg("marker", { id: "end", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 9, markerHeight: 9, orient: "auto", markerUnits: "userSpaceOnUse" }, svg("path", { d: "M0 0 L8 4 L0 8 z" }))));
  const pairs = new Map(); // a pair may have an edge of requests and one of bytes
  for (const edge of known) {
    const s = index.get(edge.source), t = index.get(edge.target);
    const key = s + " " + t, before = pairs.get(key) || 0;
    pairs.set(key, before + 1);
    const side = at.x[t] >= at.x[s] ? 1 : -1, lift = before * 26;
    const from = { x: at.x[s] + side * radius.x, y: at.y[s] }, to = { x: at.x[t] - side * radius.x, y: at.y[t] };
    const loop = s === t, bend = Math.max(40, Math.abs(to.x - from.x) / 2) * side;
    const path = loop ? `M${at.x[s] - 14} ${at.y[s] - radius.y} c-12 -34 40 -34 28 0`
      : `M${from.x} ${from.y} C${from.x + bend} ${from.y - lift} ${to.x - bend} ${to.y - lift} ${to.x} ${to.y}`;
    const label = svg("text", { class: "label", x: loop ? at.x[s] : (from.x + to.x) / 2, y: loop ? at.y[s] - radius.y - 30 : (from.y + to.y) / 2 - lift * 0.75 - 5 });
    label.textContent = edge.label;
    root.append(svg("path", { d: path, "marker-end": "url(#end)" }), label);
  }
  ids.forEach((id, i) => {
    const name = svg("text", { x: at.x[i], y: at.y[i] + 4.5 });
    name.textContent = nodes.get(id);
    root.append(svg("ellipse", { cx: at.x[i], cy: at.y[i], rx: radius.x, ry: radius.y }), name);
  });
  return root;
}

async function show() {
  const message = document.getElementById("message");
  try {
    const answer = await fetch("dotgraph" + location.search);
    const text = await answer.text();
    if (!answer.ok) throw new Error(text.trim());
    const graph = parseDot(text);
    document.getElementById("dot").textContent = text;
    message.textContent = graph.nodes.size ? "" : "No traffic in this time.";
    document.getElementById("frame").replaceChildren(...(graph.nodes.size ? [draw(graph)] : []));
  } catch (error) {
    message.textContent = "There is no graph: " + error.message;
  }
}
show();
