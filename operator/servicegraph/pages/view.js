// Draws the graph as SVG: boxes, curves, what is pointed at, zoom, and the way through it by keyboard.
import { layout, round } from "./layout.js";
import { errorShare, fullName, health, milliseconds, security, share, traffic } from "./format.js";
import { label, spread } from "./labels.js";
import { weight } from "./model.js";
import { fitted, svg } from "./svg.js";

const MANY = 45; // edges above which figures are shown only for what is pointed at

function describe(edge) {
  const parts = [traffic(edge)];
  if (edge.requests > 0) parts.push(share(errorShare(edge)) + " errors");
  if (edge.p95 !== undefined) parts.push("p95 " + milliseconds(edge.p95));
  parts.push("mutual TLS " + security(edge));
  return parts.join(", ");
}

function besides(from, to) {
  return { path: `M${from.x} ${from.y} C${from.x + 40} ${from.y} ${to.x + 40} ${to.y} ${to.x} ${to.y}`,
    middle: { x: from.x + 30, y: (from.y + to.y) / 2 } };
}

// From box to box, bent to the right of its way, so that calls there and back lie beside each other.
function across(s, t, box) {
  const dx = t.x - s.x, dy = t.y - s.y;
  const bent = { x: (s.x + t.x) / 2 - dy * 0.12, y: (s.y + t.y) / 2 + dx * 0.12 };
  const border = (from) => {
    const x = bent.x - from.x, y = bent.y - from.y;
    const part = 1 / Math.max(Math.abs(x) / (box.w / 2), Math.abs(y) / (box.h / 2), 1e-6);
    return { x: from.x + x * part, y: from.y + y * part };
  };
  const a = border(s), b = border(t);
  return { path: `M${a.x} ${a.y} Q${bent.x} ${bent.y} ${b.x} ${b.y}`,
    middle: { x: (a.x + b.x) / 4 + bent.x / 2, y: (a.y + b.y) / 4 + bent.y / 2 } };
}

// A curve through the points, level in each, and where its label goes: at `share` of its middle part, nearer to the end with
// fewer edges, for at the other labels would lie on each other.
function curve(points, side, share) {
  let path = `M${points[0].x} ${points[0].y}`, middle = null;
  const half = Math.floor((points.length - 1) / 2), rest = 1 - share;
  for (let i = 1; i < points.length; ++i) {
    const a = points[i - 1], b = points[i], bend = (Math.max(24, Math.abs(b.x - a.x) / 2)) * side;
    path += ` C${a.x + bend} ${a.y} ${b.x - bend} ${b.y} ${b.x} ${b.y}`;
    if (i - 1 !== half) continue;
    const at = (p, q, r, s) => rest ** 3 * p + 3 * rest ** 2 * share * q + 3 * rest * share ** 2 * r + share ** 3 * s;
    middle = { x: at(a.x, a.x + bend, b.x - bend, b.x), y: at(a.y, a.y, b.y, b.y) };
  }
  return { path, middle: points.length > 2 ? points[Math.floor(points.length / 2)] : middle };
}

export class View {
  constructor(root, tip, onOpen) {
    this.root = root;
    this.tip = tip;
    this.onOpen = onOpen;
    this.scale = 1;
    this.shift = { x: 0, y: 0 };
    this.adjusted = false; // the user has zoomed or moved
    this.layer = svg("g");
    const arrow = (id) => svg("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9,
      markerUnits: "userSpaceOnUse", orient: "auto" }, svg("path", { d: "M0 0.5 L8 4 L0 7.5 z" }));
    root.append(svg("defs", {}, arrow("arrow-ok"), arrow("arrow-warn"), arrow("arrow-bad"), arrow("arrow-selected")), this.layer);
    this.items = new Map(); // key -> {element, node or edge}
    this.listen();
  }

  // Draws `graph` anew; what stays keeps its place if nothing came or went.
  show(graph) {
    const shape = JSON.stringify([graph.nodes.map((n) => n.key), graph.edges.map((e) => e.key), this.size()]);
    if (shape !== this.shape) {
      this.place(graph);
      this.shape = shape;
    }
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.graph = graph;
    this.draw();
    if (!this.adjusted) this.fit();
    this.markSearch();
    this.markSelected();
    if (focused) this.items.get(focused)?.element.focus({ preventScroll: true });
    this.rove(this.items.get(focused) || this.items.get(this.stop) || this.items.get(graph.nodes[0]?.key));
  }

  size() {
    return [this.root.clientWidth || 800, this.root.clientHeight || 500];
  }

  place(graph) {
    const index = new Map(graph.nodes.map((node, i) => [node.key, i]));
    const small = graph.nodes.length > 90;
    this.box = small ? { w: 150, h: 24 } : { w: 164, h: 42 };
    const labels = graph.edges.length <= MANY;
    const cell = { w: this.box.w + (small ? 46 : labels ? 112 : 90), h: this.box.h + (small ? 9 : labels ? 40 : 22) };
    const [width, height] = this.size();
    const edges = graph.edges.map((e) => ({ s: index.get(e.source.key), t: index.get(e.target.key) }));
    this.dense = graph.nodes.length <= 30 && edges.length > MANY && edges.length > 2.5 * graph.nodes.length;
    const at = this.dense ? round(graph.nodes.length, cell, width / height) : layout(graph.nodes.length, edges, cell, width / height);
    this.spots = new Map(graph.nodes.map((node, i) => [node.key, { x: at.x[i], y: at.y[i] }]));
    this.ways = new Map(graph.edges.map((edge, i) => [edge.key, edges[i].through || []]));
    this.columns = at.columns.map((column) => column.map((i) => graph.nodes[i].key));
  }

  draw() {
    const { graph } = this;
    this.items.clear();
    this.layer.replaceChildren();
    this.root.classList.toggle("many", graph.edges.length > MANY);
    this.degrees = new Map();
    for (const node of graph.edges.flatMap((e) => [e.source, e.target])) this.degrees.set(node, this.degree(node) + 1);
    const most = Math.max(...graph.edges.map(weight), 1e-9);
    const edges = svg("g"), nodes = svg("g");
    // The thickest first: a thin line's label is not behind one.
    for (const edge of [...graph.edges].sort((a, b) => weight(b) - weight(a))) edges.append(this.drawEdge(edge, most));
    for (const node of graph.nodes) nodes.append(this.drawNode(node));
    this.layer.append(edges, nodes);
  }

  drawNode(node) {
    const { w, h } = this.box, spot = this.spots.get(node.key);
    const group = svg("g", { class: "node " + node.kind, tabindex: -1, role: "button", "data-key": node.key,
      transform: `translate(${spot.x - w / 2} ${spot.y - h / 2})` });
    group.classList.toggle("bad", Boolean(node.bad));
    group.classList.toggle("group", node.group);
    if (node.group) group.append(svg("rect", { class: "behind", x: 5, y: 5, width: w, height: h, rx: 6 }));
    group.append(svg("rect", { class: "box", width: w, height: h, rx: 6 }));
    const name = svg("text", { x: 10, y: h > 30 ? 18 : 16.5 });
    name.textContent = fitted(node.name, w - 18, 13);
    group.append(name);
    if (h > 30) {
      const under = svg("text", { class: "under", x: 10, y: 33 });
      under.textContent = fitted(node.group ? `${node.members.size} services` : node.namespace || (node.kind === "unknown" ? "outside the mesh" : ""), w - 18, 11);
      group.append(under);
    }
    const calls = this.graph.edges.filter((e) => e.source === node).length;
    const callers = this.graph.edges.filter((e) => e.target === node).length;
    group.setAttribute("aria-label", `${fullName(node)}${node.group ? `, ${node.members.size} services` : ""}, called by ${callers}, calls ${calls}`);
    this.items.set(node.key, { element: group, node });
    return group;
  }

  drawEdge(edge, most) {
    const { w, h } = this.box, s = this.spots.get(edge.source.key), t = this.spots.get(edge.target.key);
    let path, middle;
    if (edge.source === edge.target) {
      path = `M${s.x + w / 2 - 30} ${s.y - h / 2} c0 -26 26 -22 30 ${h / 2 - 4}`;
      middle = { x: s.x + w / 2, y: s.y - h / 2 - 8 };
    } else if (this.dense) {
      ({ path, middle } = across(s, t, this.box));
    } else {
      const side = t.x > s.x ? 1 : -1, same = Math.abs(t.x - s.x) < 1;
      const from = { x: s.x + (same ? w / 2 : (side * w) / 2), y: s.y };
      const to = { x: t.x + (same ? w / 2 : (-side * w) / 2), y: t.y };
      ({ path, middle } = same ? besides(from, to) : curve([from, ...this.ways.get(edge.key), to], side,
        this.degree(edge.source) > this.degree(edge.target) ? 0.62 : 0.38));
    }
    const level = health(edge);
    const width = 1 + 4 * Math.sqrt(weight(edge) / most);
    const group = svg("g", { class: "edge " + level, tabindex: -1, role: "button", "data-key": edge.key },
      svg("path", { class: "hit", d: path }),
      svg("path", { class: "shown", d: path, "stroke-width": width.toFixed(2), "marker-end": `url(#arrow-${level})` }));
    const text = label(edge, middle, level, !this.dense);
    group.append(text.element);
    group.setAttribute("aria-label", `${fullName(edge.source)} to ${fullName(edge.target)}: ${describe(edge)}`);
    this.items.set(edge.key, { element: group, edge, label: text });
    return group;
  }

  degree(node) {
    return this.degrees.get(node) || 0;
  }

  // --- what is pointed at ---

  near(item) {
    const keys = new Set();
    const edges = item.node ? this.graph.edges.filter((e) => e.source === item.node || e.target === item.node) : [item.edge];
    if (item.node) keys.add(item.node.key);
    for (const edge of edges) keys.add(edge.key).add(edge.source.key).add(edge.target.key);
    return keys;
  }

  point(item) {
    const keys = item ? this.near(item) : new Set();
    this.root.classList.toggle("pointed", keys.size > 0);
    for (const [key, { element }] of this.items) element.classList.toggle("near", keys.has(key));
    // Of many edges only these have their labels shown, which were not placed with regard to each other.
    if (this.graph.edges.length > MANY) spread([...keys].map((key) => this.items.get(key).label).filter(Boolean));
  }

  showTip(item, x, y) {
    const { tip } = this;
    tip.textContent = item.node
      ? fullName(item.node) + (item.node.group ? `\n${item.node.members.size} services; Enter opens it, space shows details` : "")
      : `${item.edge.source.name} → ${item.edge.target.name}\n${describe(item.edge)}`;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 6)) + "px";
    tip.style.top = Math.max(4, y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18) + "px";
  }

  search(words) {
    this.words = words.toLowerCase();
    this.markSearch();
  }

  matches(node) {
    return Boolean(this.words) && (node.name.toLowerCase().includes(this.words) ||
      (node.group && this.memberNames?.(node).some((name) => name.toLowerCase().includes(this.words))));
  }

  markSearch() {
    let first = null;
    for (const { element, node } of this.items.values()) {
      if (!node) continue;
      const found = this.matches(node);
      element.classList.toggle("found", found);
      if (found && !first) first = node;
    }
    return first;
  }

  select(key) {
    this.selected = key;
    this.markSelected();
  }

  markSelected() {
    for (const [key, { element, edge }] of this.items) {
      element.classList.toggle("selected", key === this.selected);
      if (edge) {
        const arrow = key === this.selected ? "selected" : health(edge);
        element.querySelector(".shown").setAttribute("marker-end", `url(#arrow-${arrow})`);
      }
    }
    this.point(this.items.get(this.selected));
  }

  // --- by keyboard: one item is the stop of the Tab key, arrows go on from it ---

  rove(item) {
    if (!item) return;
    this.items.get(this.stop)?.element.setAttribute("tabindex", -1);
    this.stop = (item.node || item.edge).key;
    item.element.setAttribute("tabindex", 0);
  }

  focus(key) {
    const item = this.items.get(key);
    if (!item) return;
    this.rove(item);
    item.element.focus({ preventScroll: true });
    this.reveal(item);
  }

  step(item, direction) {
    const { edges } = this.graph, height = (node) => this.spots.get(node.key).y;
    if (item.edge) {
      const { edge } = item;
      if (direction === "right") return edge.target.key;
      if (direction === "left") return edge.source.key;
      const beside = edges.filter((e) => e.source === edge.source).sort((a, b) => height(a.target) - height(b.target));
      return beside[beside.indexOf(edge) + (direction === "down" ? 1 : -1)]?.key;
    }
    if (direction === "right" || direction === "left") {
      const [mine, other] = direction === "right" ? ["source", "target"] : ["target", "source"];
      const own = edges.filter((e) => e[mine] === item.node && e.source !== e.target);
      return own.sort((a, b) => weight(b) - weight(a) || height(a[other]) - height(b[other]))[0]?.key;
    }
    const at = this.columns.findIndex((column) => column.includes(item.node.key));
    const list = this.columns.flatMap((column, c) => (c === at ? column : []));
    const next = list[list.indexOf(item.node.key) + (direction === "down" ? 1 : -1)];
    return next ?? this.columns[at + (direction === "down" ? 1 : -1)]?.at(direction === "down" ? 0 : -1);
  }

  onKey(event) {
    const item = this.items.get(event.target.dataset?.key);
    const direction = { ArrowRight: "right", ArrowLeft: "left", ArrowUp: "up", ArrowDown: "down" }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (item && direction) {
      const next = this.step(item, direction);
      if (next) this.focus(next);
    } else if (item && (event.key === "Enter" || event.key === " ")) {
      this.onOpen(item, true, event.key);
    } else if (event.key === "Home" || event.key === "End") {
      const column = this.columns.at(event.key === "Home" ? 0 : -1);
      if (column) this.focus(column[0]);
    } else if (event.key === "+" || event.key === "=") {
      this.zoom(1.25);
    } else if (event.key === "-") {
      this.zoom(0.8);
    } else if (event.key === "0") {
      this.adjusted = false;
      this.fit();
    } else {
      return;
    }
    event.preventDefault();
  }

  // --- zoom ---

  bounds() {
    const spots = [...this.spots.values(), ...[...this.ways.values()].flat()], { w, h } = this.box;
    if (!spots.length) return { x: 0, y: 0, w: 1, h: 1 };
    const xs = spots.map((p) => p.x), ys = spots.map((p) => p.y);
    const x = Math.min(...xs) - w / 2 - 12, y = Math.min(...ys) - h / 2 - 24;
    return { x, y, w: Math.max(...xs) + w / 2 + 12 - x, h: Math.max(...ys) + h / 2 + 34 - y };
  }

  fit() {
    const [width, whole] = this.size(), all = this.bounds(), height = whole - 30; // the legend's
    // Not so small that nobody can read it: then it begins with those who call, and can be moved.
    this.scale = Math.max(this.box.h > 30 ? 0.6 : 0.45, Math.min(1.25, width / all.w, height / all.h));
    const wide = all.w * this.scale > width;
    this.shift = { x: (wide ? 0 : (width - all.w * this.scale) / 2) - all.x * this.scale, y: (height - all.h * this.scale) / 2 - all.y * this.scale };
    this.apply();
  }

  apply() {
    this.layer.setAttribute("transform", `translate(${this.shift.x} ${this.shift.y}) scale(${this.scale})`);
  }

  zoom(factor, at) {
    const [width, height] = this.size(), { x, y } = at || { x: width / 2, y: height / 2 };
    const scale = Math.min(4, Math.max(0.1, this.scale * factor)), real = scale / this.scale;
    this.shift = { x: x - (x - this.shift.x) * real, y: y - (y - this.shift.y) * real };
    this.scale = scale;
    this.adjusted = true;
    this.apply();
  }

  // Moves the picture so that the item is in it.
  reveal(item) {
    const box = item.element.getBoundingClientRect(), frame = this.root.getBoundingClientRect();
    const x = box.left < frame.left ? frame.left - box.left + 20 : Math.min(0, frame.right - box.right - 20);
    const y = box.top < frame.top ? frame.top - box.top + 20 : Math.min(0, frame.bottom - box.bottom - 20);
    if (!x && !y) return;
    this.shift = { x: this.shift.x + x, y: this.shift.y + y };
    this.adjusted = true;
    this.apply();
  }

  itemAt(event) {
    return this.items.get(event.target.closest?.("[data-key]")?.dataset.key);
  }

  listen() {
    const { root } = this;
    let drag = null;
    root.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("wheel", (event) => {
      event.preventDefault();
      const frame = root.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 400), { x: event.clientX - frame.left, y: event.clientY - frame.top });
    }, { passive: false });
    root.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, moved: false }; });
    root.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const x = event.clientX - drag.x, y = event.clientY - drag.y;
      if (!drag.moved && Math.hypot(x, y) < 4) return;
      if (!drag.moved) root.setPointerCapture(event.pointerId);
      root.classList.add("dragging");
      drag = { x: event.clientX, y: event.clientY, moved: true };
      this.shift = { x: this.shift.x + x, y: this.shift.y + y };
      this.adjusted = true;
      this.apply();
    });
    const end = () => {
      root.classList.remove("dragging");
      setTimeout(() => { drag = null; }); // the click that follows belongs to it
    };
    root.addEventListener("pointerup", end);
    root.addEventListener("pointercancel", end);
    root.addEventListener("click", (event) => {
      const item = this.itemAt(event);
      if (drag?.moved) return;
      if (item) this.rove(item);
      this.onOpen(item, false);
    });
    const over = (item, x, y) => {
      this.point(item || this.items.get(this.selected));
      if (item) this.showTip(item, x, y);
      else this.tip.hidden = true;
    };
    root.addEventListener("pointerover", (event) => over(this.itemAt(event), event.clientX, event.clientY));
    root.addEventListener("pointerleave", () => over(null));
    root.addEventListener("focusin", (event) => {
      const item = this.itemAt(event);
      if (!item) return;
      this.rove(item);
      const box = item.element.getBoundingClientRect();
      over(item, box.left + box.width / 2, box.bottom - 10);
    });
    root.addEventListener("focusout", () => over(null));
  }
}
