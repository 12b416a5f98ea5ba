// The graph of /d3graph as bodies that repel each other on springs. Asks anew every 5 seconds; of this page's parameters
// time_horizon and filter_empty are passed on.
import { svg } from "../svg.js";

const EVERY = 5000, WIDTH = 1200, HEIGHT = 720;
const bodies = new Map(); // name -> {x, y, vx, vy, held}
let links = [], heat = 0;

const given = new URLSearchParams(location.search), passed = new URLSearchParams();
for (const name of ["time_horizon", "filter_empty"]) if (given.has(name)) passed.set(name, given.get(name));
const query = String(passed) ? "?" + passed : "";

const lines = svg("g"), circles = svg("g");
const root = svg("svg", { class: "force", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: "100%", role: "img", "aria-label": "Service graph" },
  svg("defs", {}, svg("marker", { id: "end", viewBox: "0 0 8 8", refX: 17, refY: 4, markerWidth: 9, markerHeight: 9, orient: "auto", markerUnits: "userSpaceOnUse" }, svg("path", { d: "M0 0 L8 4 L0 8 z" }))),
  lines, circles);
document.getElementById("frame").append(root);

// New bodies begin on a spiral, so that the same graph always looks the same.
function start(index) {
  const turn = index * 2.4, far = 30 * Math.sqrt(index + 1);
  return { x: WIDTH / 2 + far * Math.cos(turn), y: HEIGHT / 2 + far * Math.sin(turn), vx: 0, vy: 0, held: false };
}

function take(graph) {
  const names = graph.nodes.map((node) => node.name), before = [...bodies.keys()].sort().join("\n");
  for (const name of bodies.keys()) if (!names.includes(name)) bodies.delete(name);
  names.forEach((name, i) => bodies.has(name) || bodies.set(name, start(i)));
  links = graph.links.map((link) => ({ source: bodies.get(names[link.source]), target: bodies.get(names[link.target]),
    text: Object.entries(link.labels).map(([key, value]) => `${key}: ${value}`).join(", ") }));
  lines.replaceChildren(...links.flatMap((link) => {
    link.line = svg("line", { "marker-end": "url(#end)" });
    link.label = svg("text", { class: "label" });
    link.label.textContent = names.length <= 40 ? link.text : "";
    const title = svg("title");
    title.textContent = link.text;
    link.line.append(title);
    return [link.line, link.label];
  }));
  circles.replaceChildren(...names.flatMap((name) => {
    const body = bodies.get(name);
    body.circle = svg("circle", { r: 8 });
    body.text = svg("text");
    body.text.textContent = name;
    body.circle.addEventListener("pointerdown", (event) => {
      body.held = true;
      body.circle.setPointerCapture(event.pointerId);
      stir();
    });
    body.circle.addEventListener("pointermove", (event) => {
      if (!body.held) return;
      const frame = root.getBoundingClientRect();
      body.x = ((event.clientX - frame.left) / frame.width) * WIDTH;
      body.y = ((event.clientY - frame.top) / frame.height) * HEIGHT;
      stir();
    });
    body.circle.addEventListener("pointerup", () => { body.held = false; });
    return [body.circle, body.text];
  }));
  if (before !== [...bodies.keys()].sort().join("\n")) heat = 1;
  stir();
}

function move() {
  const list = [...bodies.values()], rest = Math.max(50, 170 - list.length / 2);
  for (let i = 0; i < list.length; ++i) {
    for (let j = i + 1; j < list.length; ++j) {
      const dx = list[i].x - list[j].x || 0.1, dy = list[i].y - list[j].y || 0.1;
      const push = (rest * rest * 0.25) / (dx * dx + dy * dy + 50);
      list[i].vx += dx * push; list[i].vy += dy * push;
      list[j].vx -= dx * push; list[j].vy -= dy * push;
    }
  }
  for (const { source, target } of links) {
    if (source === target) continue;
    const dx = target.x - source.x, dy = target.y - source.y, length = Math.hypot(dx, dy) || 1;
    const pull = ((length - rest) / length) * 0.12;
    source.vx += dx * pull; source.vy += dy * pull;
    target.vx -= dx * pull; target.vy -= dy * pull;
  }
  for (const body of list) {
    body.vx += (WIDTH / 2 - body.x) * 0.01;
    body.vy += (HEIGHT / 2 - body.y) * 0.02;
    if (!body.held) {
      body.x = Math.min(WIDTH - 200, Math.max(16, body.x + Math.max(-40, Math.min(40, body.vx)) * heat));
      body.y = Math.min(HEIGHT - 16, Math.max(16, body.y + Math.max(-40, Math.min(40, body.vy)) * heat));
    }
    body.vx = 0;
    body.vy = 0;
  }
}

function put() {
  for (const { source, target, line, label } of links) {
    line.setAttribute("x1", source.x); line.setAttribute("y1", source.y);
    line.setAttribute("x2", target.x); line.setAttribute("y2", target.y);
    label.setAttribute("x", (source.x + target.x) / 2); label.setAttribute("y", (source.y + target.y) / 2 - 4);
  }
  for (const { x, y, circle, text } of bodies.values()) {
    circle.setAttribute("cx", x); circle.setAttribute("cy", y);
    text.setAttribute("x", x + 12); text.setAttribute("y", y + 4);
  }
}

let running = false;
function stir() {
  heat = Math.max(heat, 0.1);
  if (running) return;
  running = true;
  const frame = () => {
    move();
    put();
    heat *= 0.985;
    running = heat > 0.01;
    if (running) requestAnimationFrame(frame);
  };
  frame();
}

async function ask() {
  const message = document.getElementById("message");
  try {
    const answer = await fetch("../d3graph" + query);
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const graph = await answer.json();
    message.textContent = graph.nodes.length ? "" : "No traffic in this time.";
    take(graph);
  } catch (error) {
    message.textContent = "There is no new graph: " + error.message;
  }
  setTimeout(ask, EVERY);
}
ask();
