// From the picture that the server tells to what is drawn: filtered, and bundled by namespace.

const LARGE = 60; // services above which namespaces are shown as one box, unless the user says otherwise

function keyOf(node) {
  return JSON.stringify([node.kind, node.namespace, node.name]);
}

function addTo(edge, other) {
  const before = weight(edge), more = weight(other);
  if (other.mtls !== undefined) {
    edge.mtls = edge.mtls === undefined ? other.mtls
      : (edge.mtls * before + other.mtls * more) / (before + more || 1);
  }
  for (const name of ["requests", "errors", "bytes", "connections"]) edge[name] = (edge[name] || 0) + (other[name] || 0);
  for (const name of ["p50", "p95", "p99"]) {
    if (other[name] !== undefined) edge[name] = Math.max(edge[name] ?? 0, other[name]);
  }
  edge.parts += 1;
}

// For comparing traffic of all kinds.
export function weight(edge) {
  return (edge.requests || 0) + (edge.connections || 0) + (edge.bytes || 0) / 1000;
}

export function namespacesOf(picture) {
  return [...new Set(picture.nodes.map((node) => node.namespace).filter((name) => name))].sort();
}

// nodes: {key, name, namespace, kind, group, count, bad}; edges: {key, source, target (nodes), protocol, figures, parts}.
export function build(picture, { namespace, group, opened }) {
  const wanted = picture.edges.filter((edge) => !namespace || picture.nodes[edge.source].namespace === namespace ||
    picture.nodes[edge.target].namespace === namespace);
  const used = new Set(wanted.flatMap((edge) => [edge.source, edge.target]));
  const names = new Set([...used].map((index) => picture.nodes[index].namespace));
  const bundled = group === "on" || (group === "auto" && used.size > LARGE && names.size > 1);
  const nodes = new Map(), edges = new Map();
  const nodeAt = (index) => {
    const from = picture.nodes[index];
    const closed = bundled && from.namespace && !opened.has(from.namespace);
    const key = closed ? "namespace " + from.namespace : keyOf(from);
    if (!nodes.has(key)) {
      nodes.set(key, closed ? { key, name: from.namespace, namespace: from.namespace, kind: "workload", group: true, members: new Set() }
        : { key, ...from, group: false, members: new Set() });
    }
    nodes.get(key).members.add(index);
    return nodes.get(key);
  };
  const internal = new Map(); // of a closed namespace
  for (const edge of wanted) {
    const source = nodeAt(edge.source), target = nodeAt(edge.target);
    if (source === target && source.group) {
      internal.set(source, (internal.get(source) || 0) + (edge.requests || 0));
      continue;
    }
    const both = source.group || target.group;
    const key = JSON.stringify([source.key, target.key, both ? "" : edge.protocol]);
    const known = edges.get(key);
    if (known) {
      if (known.protocol === "tcp" && edge.protocol !== "tcp") known.protocol = edge.protocol;
      addTo(known, edge);
    } else {
      edges.set(key, { ...edge, key, source, target, parts: 1 });
    }
  }
  for (const [node, requests] of internal) node.internal = requests;
  const list = [...edges.values()];
  for (const edge of list) {
    if (edge.requests > 0 && edge.errors / edge.requests >= 0.05) edge.target.bad = true;
  }
  return { nodes: [...nodes.values()], edges: list, bundled };
}

// The edges that a table shows, never bundled.
export function rows(picture, { namespace, search }) {
  const words = search.toLowerCase();
  return picture.edges
    .map((edge) => ({ ...edge, source: picture.nodes[edge.source], target: picture.nodes[edge.target] }))
    .filter((edge) => (!namespace || edge.source.namespace === namespace || edge.target.namespace === namespace) &&
      (!words || [edge.source, edge.target].some((node) => node.name.toLowerCase().includes(words))));
}
