// Layers from callers on the left to what is called on the right. A layer with many nodes is folded into several columns, so
// that the whole keeps the shape of the window.

// Edges that close a circle, for which the order is turned: depth first, from nodes that nobody calls.
function turned(count, out, into) {
  const state = new Uint8Array(count), back = new Set();
  const starts = [...Array(count).keys()].sort((a, b) => into[a].length - into[b].length || out[b].length - out[a].length);
  for (const start of starts) {
    if (state[start]) continue;
    const stack = [[start, 0]];
    state[start] = 1;
    while (stack.length) {
      const top = stack[stack.length - 1];
      const [node, next] = top;
      if (next === out[node].length) {
        state[node] = 2;
        stack.pop();
        continue;
      }
      top[1] += 1;
      const edge = out[node][next];
      if (state[edge.t] === 1) back.add(edge);
      if (state[edge.t] === 0) {
        state[edge.t] = 1;
        stack.push([edge.t, 0]);
      }
    }
  }
  return back;
}

function ranks(count, edges, back) {
  const forward = edges.filter((e) => e.s !== e.t).map((e) => (back.has(e) ? [e.t, e.s] : [e.s, e.t]));
  const next = Array.from({ length: count }, () => []), waiting = new Int32Array(count), rank = new Int32Array(count);
  for (const [s, t] of forward) {
    next[s].push(t);
    waiting[t] += 1;
  }
  const ready = [...Array(count).keys()].filter((i) => waiting[i] === 0);
  const sources = new Set(ready);
  for (let i = 0; i < ready.length; ++i) {
    for (const t of next[ready[i]]) {
      rank[t] = Math.max(rank[t], rank[ready[i]] + 1);
      if (--waiting[t] === 0) ready.push(t);
    }
  }
  // Who is called by nobody stands just before what it calls.
  for (const s of sources) {
    if (next[s].length) rank[s] = Math.min(...next[s].map((t) => rank[t])) - 1;
  }
  return rank;
}

// By the shortest way from those that nobody calls: fewer layers, for a graph whose chains of calls are long.
function depths(count, edges, back) {
  const next = Array.from({ length: count }, () => []), called = new Uint8Array(count), depth = new Int32Array(count).fill(-1);
  for (const edge of edges) {
    if (edge.s === edge.t || back.has(edge)) continue;
    next[edge.s].push(edge.t);
    called[edge.t] = 1;
  }
  const queue = [...Array(count).keys()].filter((i) => !called[i]);
  queue.forEach((i) => { depth[i] = 0; });
  for (let i = 0; i < queue.length; ++i) {
    for (const t of next[queue[i]]) {
      if (depth[t] >= 0) continue;
      depth[t] = depth[queue[i]] + 1;
      queue.push(t);
    }
  }
  return depth;
}

// Orders each layer by where its neighbours are, to and fro.
function order(layers, near, place) {
  const set = (layer) => layer.forEach((node, i) => { place[node] = (i + 0.5) / layer.length; });
  layers.forEach(set);
  for (let round = 0; round < 12; ++round) {
    const list = round % 2 ? [...layers].reverse() : layers;
    for (const layer of list) {
      const middle = new Map(layer.map((node) => [node, near[node].length
        ? near[node].reduce((sum, other) => sum + place[other], 0) / near[node].length : place[node]]));
      layer.sort((a, b) => middle.get(a) - middle.get(b) || place[a] - place[b]);
      set(layer);
    }
  }
}

// As many rows as give about the wanted shape.
function rowsFor(layers, cell, aspect) {
  const longest = Math.max(...layers.map((layer) => layer.length));
  let best = longest, least = Infinity;
  for (let rows = 1; rows <= longest; ++rows) {
    const columns = layers.reduce((sum, layer) => sum + Math.ceil(layer.length / rows), 0);
    const width = columns * cell.w, height = rows * cell.h;
    const scale = Math.max(width / aspect, height); // how much the window has to show
    if (scale < least) {
      least = scale;
      best = rows;
    }
  }
  return best;
}

// Moves the nodes of a column to where their neighbours are, as far as they do not overlap.
function settle(column, near, y, gap) {
  const wish = column.map((node) => (near[node].length ? near[node].reduce((sum, other) => sum + y[other], 0) / near[node].length : y[node]));
  const at = [];
  wish.forEach((value, i) => { at[i] = i ? Math.max(value, at[i - 1] + gap) : value; });
  const shift = at.reduce((sum, value, i) => sum + wish[i] - value, 0) / at.length;
  column.forEach((node, i) => { y[node] = at[i] + shift; });
}

// Where an edge passes layers between its ends it gets a place of its own in each, so that it does not run behind boxes.
// Returns how many places there are, and adds to `edges` what leads from place to place.
function placesBetween(count, edges, rank) {
  const links = [], rankOf = [...rank];
  for (const edge of edges) {
    edge.through = [];
    let last = edge.s;
    const step = Math.sign(rank[edge.t] - rank[edge.s]);
    for (let r = rank[edge.s] + step; step && r !== rank[edge.t]; r += step) {
      rankOf.push(r);
      edge.through.push(rankOf.length - 1);
      links.push([last, rankOf.length - 1]);
      last = rankOf.length - 1;
    }
    if (edge.s !== edge.t) links.push([last, edge.t]);
  }
  return { rankOf, links };
}

function layersOf(rank) {
  const byRank = new Map();
  rank.forEach((value, node) => byRank.set(value, [...(byRank.get(value) || []), node]));
  return [...byRank.keys()].sort((a, b) => a - b).map((key) => byRank.get(key));
}

function nearOf(count, links) {
  const near = Array.from({ length: count }, () => []);
  for (const [a, b] of links) {
    near[a].push(b);
    near[b].push(a);
  }
  return near;
}

// `edges`: {s, t}, indexes of nodes; they get `through`, the points that they pass. Returns {x, y} (centres), and the columns
// as lists of nodes.
export function layout(count, edges, cell, aspect) {
  if (!count) return { x: [], y: [], columns: [] };
  const out = Array.from({ length: count }, () => []), into = Array.from({ length: count }, () => []);
  for (const edge of edges) {
    if (edge.s === edge.t) continue;
    out[edge.s].push(edge);
    into[edge.t].push(edge);
  }
  const back = turned(count, out, into);
  let rank = ranks(count, edges, back);
  const passed = () => edges.reduce((sum, e) => sum + Math.max(0, Math.abs(rank[e.s] - rank[e.t]) - 1), 0);
  const long = count > 60 && Math.max(...rank) - Math.min(...rank) > 8;
  if (long || passed() > count + 8) rank = depths(count, edges, back);
  const plain = layersOf([...rank]);
  const rows = rowsFor(plain, cell, aspect);
  const folded = plain.some((layer) => layer.length > rows);
  edges.forEach((edge) => { edge.through = []; });
  const direct = { rankOf: [...rank], links: edges.filter((e) => e.s !== e.t).map((e) => [e.s, e.t]) };
  // More places for edges than boxes would only stretch the picture.
  const { rankOf, links } = folded || passed() > count + 8 ? direct : placesBetween(count, edges, rank);
  const total = rankOf.length, layers = layersOf(rankOf), near = nearOf(total, links);
  order(layers, near, new Float64Array(total));
  const columns = layers.flatMap((layer) => {
    const parts = folded ? Math.ceil(layer.length / rows) : 1, each = Math.ceil(layer.length / parts);
    return Array.from({ length: parts }, (_, i) => layer.slice(i * each, (i + 1) * each));
  }).filter((column) => column.length);
  const x = new Float64Array(total), y = new Float64Array(total);
  columns.forEach((column, c) => column.forEach((node, i) => {
    x[node] = c * cell.w;
    y[node] = (i - (column.length - 1) / 2) * cell.h;
  }));
  if (!folded && total <= 80) { // there is room
    for (let round = 0; round < 8; ++round) {
      for (const column of round % 2 ? [...columns].reverse() : columns) settle(column, near, y, cell.h);
    }
  }
  for (const edge of edges) edge.through = edge.through.map((place) => ({ x: x[place], y: y[place] }));
  return { x, y, columns: columns.map((column) => column.filter((node) => node < count)).filter((column) => column.length) };
}

// All on an ellipse, for few nodes that nearly all call each other: layers would say nothing.
export function round(count, cell, aspect) {
  const high = Math.max((count * cell.h) / 2.6, cell.h * 1.5), wide = Math.max(high * aspect * 0.8, cell.w);
  const nodes = [...Array(count).keys()];
  const angle = (i) => Math.PI + (2 * Math.PI * i) / count;
  return { x: nodes.map((i) => wide * Math.cos(angle(i))), y: nodes.map((i) => high * Math.sin(angle(i))), columns: [nodes] };
}
