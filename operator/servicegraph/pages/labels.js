// What stands at an edge: its traffic and errors, its latency, a padlock.
import { errorShare, milliseconds, security, share, traffic } from "./format.js";
import { svg, widthOf } from "./svg.js";

const SIZE = 11, LINE = 12, SIGN = 13; // of letters; from line to line; the padlock's width and what is between

// Around a point of the edge; `level` is the edge's health, `two` whether there is room for a second line.
export function label(edge, middle, level, two) {
  const signed = edge.mtls !== undefined, lines = two && edge.p95 !== undefined ? 2 : 1;
  const x = middle.x + (signed ? SIGN / 2 : 0), y = middle.y - 6;
  const text = svg("text", { x, y: y - (lines - 1) * LINE });
  text.append(traffic(edge));
  if (level !== "ok") {
    const errors = svg("tspan", { class: "bad-share" });
    errors.textContent = " " + share(errorShare(edge));
    text.append(errors);
  }
  const element = svg("g", { class: "label" }, text);
  const wide = widthOf(text.textContent, SIZE);
  if (lines === 2) {
    const under = svg("text", { x: middle.x, y });
    under.textContent = "p95 " + milliseconds(edge.p95);
    element.append(under);
  }
  if (signed) {
    const on = security(edge) === "on";
    element.append(svg("use", { href: on ? "#lock" : "#unlock", class: on ? "sign" : "sign open", width: 9, height: 11,
      x: x - wide / 2 - SIGN, y: y - (lines - 1) * LINE - 9 }));
  }
  return { element, x: middle.x, y: middle.y, half: Math.max(wide + SIGN, 52) / 2 + 3, high: lines * LINE + 2 };
}

// Moves labels up and down until none lies on another; [] moves none, and all others belong where they are.
export function spread(labels) {
  const placed = [];
  for (const one of [...labels].sort((a, b) => a.y - b.y)) {
    let at = one.y;
    for (const other of placed) {
      if (Math.abs(one.x - other.one.x) < one.half + other.one.half && at - other.at < one.high) at = Math.max(at, other.at + one.high);
    }
    placed.push({ one, at });
  }
  const up = placed.reduce((sum, { one, at }) => sum + at - one.y, 0) / Math.max(1, placed.length); // as much up as down
  for (const { one, at } of placed) one.element.setAttribute("transform", `translate(0 ${(at - one.y - up).toFixed(1)})`);
}
