// What the latest queries of this tab took and cost.

import { Empty } from "./ui.js";
import { html, useEffect, useState } from "./vendor/view.js";

const KEPT = 200, BARS = 60;
const SERIES = { ms: "Milliseconds", reads: "Read ops", writes: "Write ops", compute: "Compute ops" };
let latest = [];
const listeners = new Set();

export function note(metrics) {
  latest = [metrics, ...latest].slice(0, KEPT);
  listeners.forEach((listener) => listener(latest));
}

function Bars({ name, label, list }) {
  const shown = list.slice(0, BARS).reverse();
  const most = Math.max(...shown.map((each) => each[name]));
  return html`<figure class="bars"><figcaption>${label}${most ? `, at most ${most.toLocaleString()}` : ": none"}</figcaption>
    <svg viewBox="0 0 ${BARS * 4} 40" role="img" aria-label=${`${label} of the latest ${shown.length} queries`} preserveAspectRatio="none">
      ${shown.map((each, index) => html`<rect key=${index} x=${index * 4} y=${40 - (each[name] / (most || 1)) * 40} width="3" height=${Math.max(1, (each[name] / (most || 1)) * 40)} />`)}
    </svg></figure>`;
}

export function Activity() {
  const [list, setList] = useState(latest);
  useEffect(() => { listeners.add(setList); return () => listeners.delete(setList); }, []);
  return html`<article><header class="view-head"><h1>Activity</h1></header><p class="soft">The queries of this tab, those of the dashboard itself too.</p>
    ${!list.length ? html`<${Empty} title="Nothing was asked yet." />` : html`<div class="bars-row">${Object.entries(SERIES).map(([name, label]) => html`<${Bars} key=${name} name=${name} label=${label} list=${list} />`)}</div>
    <div class="scroll" tabindex="0" role="region" aria-label="Latest queries"><table><thead><tr><th scope="col">at</th><th scope="col">status</th><th scope="col">ms</th><th scope="col">read ops</th><th scope="col">write ops</th><th scope="col">compute ops</th><th scope="col">bytes read</th></tr></thead>
    <tbody>${list.slice(0, 50).map((each, index) => html`<tr key=${index}><td>${each.at.toLocaleTimeString()}</td><td>${each.status}</td><td class="number">${each.ms}</td><td class="number">${each.reads}</td><td class="number">${each.writes}</td><td class="number">${each.compute}</td><td class="number">${each.readBytes.toLocaleString()}</td></tr>`)}</tbody></table></div>`}
  </article>`;
}
