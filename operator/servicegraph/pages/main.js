// The page: asks for the picture every few seconds and shows it; the last one stays while there is none.
import { build, namespacesOf, rows } from "./model.js";
import { showDetails, html, Table } from "./panels.js";
import { View } from "./view.js";

const EVERY = 5000, PATIENCE = 30000; // milliseconds
const at = (id) => document.getElementById(id);
const state = { window: "5m", namespace: "", group: "auto", search: "", table: false, live: true, opened: new Set(), chosen: null };
let picture = null, graph = null, trouble = "", asking = null, timer = null;

const view = new View(at("picture"), at("tip"), open);
view.memberNames = (node) => [...node.members].map((index) => picture.nodes[index].name);
const table = new Table(at("table"));

// --- what is asked for ---

async function ask() {
  clearTimeout(timer);
  asking?.abort();
  const mine = (asking = new AbortController());
  const late = setTimeout(() => mine.abort("late"), PATIENCE);
  try {
    const answer = await fetch(`api/graph?window=${encodeURIComponent(state.window)}`, { signal: mine.signal });
    if (!answer.ok) throw new Error((await answer.text()).trim() || `status ${answer.status}`);
    const next = await answer.json();
    if (mine !== asking) return;
    trouble = "";
    // A server without any picture has nothing better than what is here, if that is of the same time range.
    if (next.from || !picture || picture.window !== next.window) picture = next;
    else picture = { ...picture, stale: true, problems: next.problems };
  } catch (error) {
    if (mine !== asking) return;
    trouble = mine.signal.aborted ? "The server does not answer in time." : `The server cannot be reached: ${error.message}`;
  } finally {
    clearTimeout(late);
  }
  render();
  if (state.live && !document.hidden) timer = setTimeout(ask, EVERY);
}

// --- what is shown ---

function clock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString([], { hour12: false });
}

function problems() {
  const lines = trouble ? [trouble] : [...(picture?.problems || [])];
  const old = picture?.from && (trouble || picture.stale);
  if (old) lines.push(`What is shown is of ${clock(picture.at)}.`);
  return lines;
}

function status() {
  if (!picture) return trouble ? "No picture" : "Loading …";
  const counts = `${picture.nodes.length} services, ${picture.edges.length} edges`;
  const left = picture.leftOut ? `; ${picture.leftOut} edges with the least traffic are left out` : "";
  if (picture.from === "load-reports") {
    const short = picture.seconds > 0 ? `, of the last ${Math.round(picture.seconds)} s` : "";
    return `${counts}${left} · ${clock(picture.at)} · from the load reports of ${picture.proxies} proxies${short}`;
  }
  return picture.from ? `${counts}${left} · ${clock(picture.at)} · from Prometheus` : "No picture";
}

function empty() {
  if (!picture) return trouble ? "" : "Loading …";
  if (picture.edges.length === 0) {
    if (!picture.from) return "There is no picture yet.";
    return `No traffic in the last ${picture.window}.` +
      (picture.from === "load-reports" ? "\nProxies report every 10 seconds; make some calls and wait a moment." : "");
  }
  return graph && graph.edges.length === 0 ? `No traffic of namespace ${state.namespace}.` : "";
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text; // screen readers speak what changes
}

function listNamespaces() {
  const names = picture ? namespacesOf(picture) : [];
  if (state.namespace && !names.includes(state.namespace)) names.push(state.namespace);
  const select = at("namespace");
  if ([...select.options].slice(1).map((o) => o.value).join("\n") === names.join("\n")) return;
  select.replaceChildren(html("option", { value: "" }, "all"), ...names.map((name) => html("option", { value: name }, name)));
  select.value = state.namespace;
}

function render() {
  const lines = problems();
  at("problems").hidden = lines.length === 0;
  setText(at("problems"), lines.join("\n"));
  setText(at("status"), status());
  listNamespaces();
  if (picture) {
    graph = build(picture, state);
    if (state.table) table.show(rows(picture, state));
    else view.show(graph);
    showChosen();
  }
  const text = empty();
  at("empty").hidden = !text || state.table;
  setText(at("empty"), text);
  if (picture?.edges.length && !performance.getEntriesByName("picture").length) performance.mark("picture");
}

// --- details ---

const actions = {
  go(key) {
    open(view.items.get(key), false);
    view.focus(key);
  },
  close() {
    state.chosen = null;
    showChosen();
    view.focus(view.stop);
  },
  toggle(namespace) {
    if (!state.opened.delete(namespace)) state.opened.add(namespace);
    state.chosen = null;
    view.adjusted = false;
    render();
    const first = graph.nodes.find((node) => node.namespace === namespace);
    if (first) view.focus(first.key);
  },
  opened: (namespace) => graph.bundled && state.opened.has(namespace),
};

// By mouse the first click on a namespace shows its details, the second opens it; by keyboard Enter opens it at once.
function open(item, byKey, pressed) {
  const key = item ? (item.node || item.edge).key : null;
  if (item?.node?.group && (state.chosen === key || pressed === "Enter")) return actions.toggle(item.node.namespace);
  state.chosen = key;
  showChosen();
  if (byKey && key) at("details").querySelector("button")?.focus();
}

let shownFor = null;
function showChosen() {
  const item = state.chosen && !state.table ? view.items.get(state.chosen) : null;
  const panel = at("details");
  const resized = panel.hidden === Boolean(item);
  panel.hidden = !item;
  if (item) {
    // Figures change while somebody goes through the buttons by keyboard.
    const buttons = [...panel.querySelectorAll("button")], place = buttons.indexOf(document.activeElement);
    showDetails(panel, item, graph, actions);
    if (place >= 0 && shownFor === state.chosen) panel.querySelectorAll("button")[place]?.focus();
  }
  shownFor = item ? state.chosen : null;
  view.select(item ? state.chosen : null);
  if (resized && !view.adjusted && graph && !state.table) view.fit();
}

// --- controls ---

function choose(id, name, then) {
  at(id).addEventListener("change", (event) => {
    state[name] = event.target.value;
    state.chosen = null;
    view.adjusted = false;
    then();
  });
}
choose("window", "window", ask);
choose("namespace", "namespace", render);
choose("group", "group", render);

at("search").addEventListener("input", (event) => {
  state.search = event.target.value.trim();
  view.search(state.search);
  if (state.table && picture) render();
});
at("search").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  const first = state.table ? null : view.markSearch();
  if (first) actions.go(first.key);
});

function showTable(on) {
  state.table = on;
  at("graph").hidden = on;
  at("table").hidden = !on;
  at("show-graph").setAttribute("aria-pressed", String(!on));
  at("show-table").setAttribute("aria-pressed", String(on));
  render();
}
at("show-graph").addEventListener("click", () => showTable(false));
at("show-table").addEventListener("click", () => showTable(true));

at("live").addEventListener("click", () => {
  state.live = !state.live;
  at("live").setAttribute("aria-pressed", String(state.live));
  setText(at("live"), state.live ? "Live" : "Paused");
  if (state.live) ask();
  else clearTimeout(timer);
});

const THEMES = ["auto", "light", "dark"];
function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText(at("theme"), "Colours: " + theme);
  try {
    localStorage.setItem("theme", theme);
  } catch { /* a browser that keeps nothing */ }
}
let theme = "auto";
try {
  theme = THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto";
} catch { /* likewise */ }
setTheme(theme);
at("theme").addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  setTheme(theme);
});

at("zoom-in").addEventListener("click", () => view.zoom(1.25));
at("zoom-out").addEventListener("click", () => view.zoom(0.8));
at("zoom-fit").addEventListener("click", () => {
  view.adjusted = false;
  view.fit();
});
at("controls").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.chosen) actions.close();
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "/" && !typing) {
    event.preventDefault();
    at("search").focus();
  }
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && state.live) ask();
});
addEventListener("resize", () => {
  if (picture && !state.table) render();
});
ask();
