// Elements of SVG, and how wide a text is.
const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const pen = document.createElement("canvas").getContext("2d");
export function widthOf(text, size) {
  pen.font = `${size}px system-ui, "DejaVu Sans", sans-serif`;
  return pen.measureText(text).width;
}

// A text, cut so that it is not wider.
export function fitted(text, width, size) {
  if (widthOf(text, size) <= width) return text;
  let low = 1, high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (widthOf(text.slice(0, middle) + "…", size) <= width) low = middle;
    else high = middle - 1;
  }
  return text.slice(0, low) + "…";
}
