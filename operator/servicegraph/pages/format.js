// Figures as people read them.

export function rate(value) {
  if (value === 0) return "0/s";
  if (value < 0.1) return (value * 60).toFixed(value * 60 < 0.1 ? 2 : 1) + "/min";
  if (value < 10) return value.toFixed(value < 1 ? 2 : 1) + "/s";
  if (value < 1000) return Math.round(value) + "/s";
  return (value / 1000).toFixed(value < 10000 ? 1 : 0) + "k/s";
}

export function bytes(value) {
  const units = ["B/s", "kB/s", "MB/s", "GB/s"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    ++unit;
  }
  return (value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)) + " " + units[unit];
}

export function milliseconds(value) {
  if (value === undefined) return "–";
  if (value >= 1000) return (value / 1000).toFixed(value < 10000 ? 1 : 0) + " s";
  return (value < 10 ? value.toFixed(1) : Math.round(value)) + " ms";
}

export function share(value) {
  if (value === 0) return "0 %";
  if (value < 0.001) return "<0.1 %";
  return (value * 100).toFixed(value < 0.0995 ? 1 : 0) + " %";
}

export function errorShare(edge) {
  return edge.requests > 0 ? edge.errors / edge.requests : 0;
}

// "bad" from 5 % of errors on, "warn" below that, else "ok".
export function health(edge) {
  const errors = errorShare(edge);
  return errors >= 0.05 ? "bad" : errors > 0.001 ? "warn" : "ok";
}

export function security(edge) {
  if (edge.mtls === undefined) return "unknown";
  if (edge.mtls >= 0.9995) return "on";
  return edge.mtls <= 0.0005 ? "off" : "on for " + share(edge.mtls);
}

// What flows, in a word or two.
export function traffic(edge) {
  if (edge.protocol !== "tcp") return rate(edge.requests);
  if (edge.bytes > 0) return bytes(edge.bytes);
  return edge.connections > 0 ? rate(edge.connections) + " connections" : "TCP";
}

export function fullName(node) {
  if (node.group) return "namespace " + node.name;
  return node.namespace ? node.name + " in " + node.namespace : node.name;
}
