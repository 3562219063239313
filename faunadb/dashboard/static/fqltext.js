// Editing expressions as FQL text (bodies of functions, predicates, bindings), and their wire JSON.

import { TextError, rendered, translate } from "./api.js";
import { Editor } from "./editor.js";
import { preferences } from "./preferences.js";
import { namesOf, useSchema } from "./schema.js";
import { StyleChoice, useLoaded } from "./ui.js";
import { html, useEffect, useState } from "./vendor/view.js";

const NOTHING = [];

// The query in a text: {wire, problems, busy}; wire is null while there is none.
function useWire(text) {
  const [state, setState] = useState({ text: null, wire: null, problems: NOTHING });
  useEffect(() => {
    if (!text.trim()) { setState({ text, wire: null, problems: NOTHING }); return undefined; }
    let current = true;
    const wait = setTimeout(async () => {
      try {
        const queries = await translate(text);
        if (!current) return;
        const several = queries.length > 1 && [{ start: queries[1].spans[0].start, end: text.length, message: "One expression was expected, and here another one begins." }];
        setState({ text, wire: several ? null : queries[0]?.wire ?? null, problems: several || NOTHING });
      } catch (error) {
        if (current) setState({ text, wire: null, problems: [error instanceof TextError ? error : { start: 0, end: 1, message: error.message }] });
      }
    }, 200);
    return () => { current = false; clearTimeout(wait); };
  }, [text]);
  return { ...state, busy: state.text !== text };
}

// A stored value that has a lambda, as the expression that it is sent as.
export const asQuery = (wire) => (wire && "lambda" in wire ? { query: wire } : wire);
const lambdaOf = (stored) => { const { lambda, expr } = stored["@query"]; return { lambda, expr }; };

// The texts of stored lambdas in both styles; undefined while they are being loaded.
export const useTexts = (stored) => useLoaded(() => Promise.all(stored.map((each) => rendered(lambdaOf(each)))), [stored]);

// An editor for one expression. texts: the initial text in both styles. onChange gets {text, wire, changed}.
export function FqlText({ label, id, texts, hint, failures = NOTHING, onChange }) {
  const schema = useSchema();
  const [style, setStyle] = useState(preferences.style);
  const [text, setText] = useState(texts?.[style] ?? "");
  const { wire, problems, busy } = useWire(text);
  const original = texts && Object.values(texts).includes(text);
  useEffect(() => onChange({ text, wire, changed: !original, ok: original || (!busy && wire !== null) }), [text, wire, busy]);
  const restyle = async (value) => {
    setStyle(value);
    preferences.style = value;
    if (original) { setText(texts[value]); return; }
    try {
      const [first] = await translate(text);
      if (first) setText((await rendered(first.wire))[value]);
    } catch { /* what cannot be read stays as it is */ }
  };
  return html`<div class=${`fql-text${failures.length ? " wrong" : ""}`} id=${id}>
    <div class="row"><span class="label">${label}</span><span class="grow"></span><${StyleChoice} style=${style} onChange=${restyle} id=${`${id}-style`} /></div>
    <${Editor} value=${text} onChange=${setText} language=${style} label=${label} problems=${problems} names=${() => namesOf(schema)} hint=${hint?.[style]} lines=${false} />
    ${problems.length > 0 && html`<p class="wrong-text" role="alert">${problems[0].message}</p>`}
    ${failures.length > 0 && html`<p class="wrong-text" role="alert">${failures.map((failure) => failure.description).join(" ")}</p>`}
  </div>`;
}
