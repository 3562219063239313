// Small parts that every view is made of.

import { FaunaError, rendered } from "./api.js";
import { Editor } from "./editor.js";
import { preferences } from "./preferences.js";
import { html, useEffect, useRef, useState } from "./vendor/view.js";

export function Button({ children, kind = "", ...rest }) {
  return html`<button type="button" class=${kind} ...${rest}>${children}</button>`;
}

// A value that is loaded asynchronously, and again whenever `needs` change: {value, error, busy, again}.
export function useLoaded(load, needs) {
  const [state, setState] = useState({ value: undefined, error: null, busy: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setState((old) => ({ ...old, busy: true }));
    load(abort.signal).then(
      (value) => { if (!abort.signal.aborted) setState({ value, error: null, busy: false }); },
      (error) => { if (!abort.signal.aborted) setState({ value: undefined, error, busy: false }); },
    );
    return () => abort.abort();
  }, [...needs, turn]);
  return { ...state, again: () => setTurn((old) => old + 1) };
}

// An action that runs once at a time, as for a button: [run, {busy, error}, clear].
export function useAction(action) {
  const [state, setState] = useState({ busy: false, error: null });
  const run = async (...given) => {
    setState({ busy: true, error: null });
    try {
      const result = await action(...given);
      setState({ busy: false, error: null });
      return result;
    } catch (error) {
      setState({ busy: false, error });
      return undefined;
    }
  };
  return [run, state, () => setState({ busy: false, error: null })];
}

export const Busy = ({ children = "Loading…" }) => html`<p class="busy" role="status">${children}</p>`;

// Shown where there is nothing yet: a title, and what to do next.
export const Empty = ({ title, children }) => html`<div class="empty"><p class="title">${title}</p>${children}</div>`;

function errorLines(error) {
  if (!(error instanceof FaunaError)) return [error.message];
  return error.errors.flatMap((entry) => [
    `${entry.code ?? error.status}: ${entry.description}${entry.position?.length ? ` (at ${entry.position.map(String).join(" › ")})` : ""}`,
    ...(entry.failures || []).map((failure) => [failure.field.map(String).join("."), failure.description].filter(Boolean).join(": ")),
    ...(entry.cause || []).map((inner) => `caused by ${inner.code}: ${inner.description}`),
  ]);
}

// An error. what: the action that failed, for the text about missing permissions.
export function Problem({ error, what = "see this", again }) {
  if (!error) return null;
  const denied = error instanceof FaunaError && error.isDenied;
  return html`<div class=${denied ? "notice denied" : "notice bad"} role="alert">
    ${denied && html`<p><b>This secret may not ${what}.</b> Sign in with a key of a role that may, or ask whoever gave it to you.</p>`}
    ${errorLines(error).map((line) => html`<p class=${denied ? "soft mono" : "mono"}>${line}</p>`)}
    ${again && html`<${Button} onclick=${again}>Try again<//>`}
  </div>`;
}

// A labelled control with its help, and the errors of its fields.
export function Field({ label, id, help, failures = [], children }) {
  const wrong = failures.length > 0;
  return html`<div class=${`field-row${wrong ? " wrong" : ""}`}>
    <label for=${id}>${label}</label>
    ${children}
    ${help && html`<p class="help" id=${`${id}-help`}>${help}</p>`}
    ${wrong && html`<p class="wrong-text" role="alert" id=${`${id}-error`}>${failures.map((failure) => failure.description).join(" ")}</p>`}
  </div>`;
}

export function TextField({ label, id, value, onChange, help, failures, ...rest }) {
  return html`<${Field} label=${label} id=${id} help=${help} failures=${failures}>
    <input id=${id} value=${value} spellcheck="false" autocomplete="off" aria-invalid=${Boolean(failures?.length)}
      aria-describedby=${[help && `${id}-help`, failures?.length && `${id}-error`].filter(Boolean).join(" ") || undefined}
      oninput=${(event) => onChange(event.target.value)} ...${rest} />
  <//>`;
}

// A modal dialog, which Escape closes.
export function Dialog({ title, onClose, children, wide = false }) {
  const box = useRef(null);
  useEffect(() => { if (!box.current.open) box.current.showModal(); }, []);
  return html`<dialog ref=${box} class=${wide ? "wide" : ""} aria-labelledby="dialog-title" onclose=${onClose}>
    <header><h2 id="dialog-title">${title}</h2><${Button} kind="plain" aria-label="Close" onclick=${onClose}>✕<//></header>
    ${children}
  </dialog>`;
}

async function copy(text) {
  await navigator.clipboard.writeText(text);
  announce("Copied");
}

export function CopyButton({ text, label = "Copy" }) {
  return html`<${Button} kind="small" onclick=${async () => copy(typeof text === "function" ? await text() : text)}>${label}<//>`;
}

// A short message about what was done, on the screen and for screen readers.
let timer = 0;
export function announce(text) {
  const place = document.getElementById("announcement");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove("shown"), 2500);
}

export function download(name, parts, type) {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const anchor = Object.assign(document.createElement("a"), { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function StyleChoice({ style, onChange, id }) {
  const option = (value, label) => html`<label class="choice"><input type="radio" name=${id} value=${value} checked=${style === value} onchange=${() => onChange(value)} />${label}</label>`;
  return html`<span class="choices" role="radiogroup" aria-label="Style of FQL">${option("javascript", "JavaScript")}${option("python", "Python")}</span>`;
}

// The FQL that a form is about to run, in either style.
export function Fql({ wire, title = "FQL this will run" }) {
  const [style, setStyle] = useState(preferences.style);
  const [texts, setTexts] = useState(null);
  const [error, setError] = useState(null);
  const key = wire && JSON.stringify(wire);
  useEffect(() => {
    if (!wire) { setTexts(null); return undefined; }
    let current = true;
    const wait = setTimeout(() => rendered(wire).then((found) => { if (current) { setTexts(found); setError(null); } }, (problem) => { if (current) setError(problem); }), 150);
    return () => { current = false; clearTimeout(wait); };
  }, [key]);
  const choose = (value) => { preferences.style = value; setStyle(value); };
  const text = texts?.[style] ?? "";
  return html`<section class="fql" aria-label=${title}>
    <div class="row"><h3>${title}</h3><span class="grow"></span><${StyleChoice} style=${style} onChange=${choose} id=${`style-${title}`} /><${CopyButton} text=${text} /></div>
    ${error ? html`<p class="soft">${error.message}</p>` : html`<${Editor} value=${text} language=${style} readOnly=${true} label=${title} />`}
  </section>`;
}

// Asks for confirmation before something that cannot be undone. typed: a word that must be typed first.
export function Confirm({ title, wire, action, onDone, onClose, label = "Delete", typed, children }) {
  const [word, setWord] = useState("");
  const [run, { busy, error }] = useAction(async () => { await action(); onDone(); });
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${children}
    ${typed && html`<${TextField} id="confirm-word" label=${`Type ${typed} to go on`} value=${word} onChange=${setWord} />`}
    ${wire && html`<${Fql} wire=${wire} />`}
    <${Problem} error=${error} what="do this" />
    <footer><${Button} onclick=${onClose}>Cancel<//><${Button} kind="danger" disabled=${busy || (typed && word !== typed)} onclick=${run}>${label}<//></footer>
  <//>`;
}
