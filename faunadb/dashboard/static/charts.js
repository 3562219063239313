// Small bar charts of the latest queries: time, reads, writes.

import { element } from "./values.js";

const KEPT = 40;
const SERIES = [
  { key: "ms", label: "Query time", unit: "ms" },
  { key: "reads", label: "Read ops", unit: "" },
  { key: "writes", label: "Write ops", unit: "" },
];
const SVG = "http://www.w3.org/2000/svg";
const history = [];

function bars(values) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${KEPT * 4} 40`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const highest = Math.max(1, ...values);
  values.forEach((value, index) => {
    const bar = document.createElementNS(SVG, "rect");
    const height = Math.max(1, (value / highest) * 38);
    bar.setAttribute("x", String((KEPT - values.length + index) * 4));
    bar.setAttribute("y", String(40 - height));
    bar.setAttribute("width", "3");
    bar.setAttribute("height", String(height));
    svg.append(bar);
  });
  return svg;
}

export function record(metrics, place) {
  history.push(metrics);
  if (history.length > KEPT) history.shift();
  place.replaceChildren(...SERIES.map(({ key, label, unit }) => {
    const values = history.map((entry) => entry[key]);
    const latest = values[values.length - 1];
    const text = element("span", { class: "soft" }, `${label} `, element("b", {}, `${latest}${unit ? " " + unit : ""}`));
    const chart = element("div", { class: "chart", role: "img", "aria-label": `${label}: latest ${latest} ${unit}, highest ${Math.max(...values)} ${unit}` }, text);
    chart.append(bars(values));
    return chart;
  }));
}
