// The query editor.

import { FaunaError, TextError, query, rendered, stream, translate } from "./api.js";
import { Editor } from "./editor.js";
import { stringify } from "./json.js";
import { clearHistory, histories, kept, remember, useDatabaseKey } from "./memory.js";
import { preferences } from "./preferences.js";
import { parseHash } from "./route.js";
import { namesOf, useSchema } from "./schema.js";
import { Button, CopyButton, Dialog, Problem, StyleChoice, TextField, announce } from "./ui.js";
import { Value } from "./values.js";
import { html, useEffect, useRef, useState } from "./vendor/view.js";

const SHAPES = { tree: "Tree", table: "Table", text: "Text" };
const ROLES = ["admin", "server", "server-readonly", "client"];
const NOTHING = [];
const EVENTS = 500;
const EXAMPLES = {
  javascript: 'Paginate(Collections())',
  python: 'q.paginate(q.collections())',
};

const draft = { get text() { return sessionStorage.getItem("faunadb.draft"); }, set text(value) { sessionStorage.setItem("faunadb.draft", value); } };

export function Console() {
  const schema = useSchema();
  const given = parseHash().query.get("text");
  const [style, setStyle] = useState(preferences.style);
  const [text, setText] = useState(given ?? draft.text ?? EXAMPLES[style]);
  const [runs, setRuns] = useState([]);
  const [problems, setProblems] = useState(NOTHING);
  const [as, setAs] = useState({ kind: "me" });
  const [shape, setShape] = useState("tree");
  const running = useRef(null);
  const [busy, setBusy] = useState(false);
  const editor = useRef(null);
  const turn = useRef(0);
  const key = useDatabaseKey();
  useEffect(() => { if (given !== null) setText(given); }, [given]);
  useEffect(() => { draft.text = text; }, [text]);
  useEffect(() => () => running.current?.abort(), []);

  const run = async (part) => {
    if (running.current) return;
    const abort = new AbortController();
    running.current = abort;
    setBusy(true);
    setProblems(NOTHING);
    setRuns([]);
    turn.current += 1;
    const { from, to } = part ?? selected() ?? { from: 0, to: latest.current.text.length };
    const chosen = latest.current.text.slice(from, to);
    try {
      if (!chosen.trim()) return;
      remember(key, chosen);
      await runAll(await translate(chosen), chosen, from, abort);
    } catch (error) {
      if (error instanceof TextError) { setProblems([{ start: from + error.start, end: from + error.end, message: error.message }]); setRuns([{ error }]); } else setRuns([{ error }]);
    } finally {
      running.current = null;
      setBusy(false);
      schema.reload();
    }
  };

  const runAll = async (queries, chosen, from, abort) => {
    for (const { wire, spans } of queries) {
      const source = spans.find((span) => span.path.length === 0);
      const entry = { text: chosen.slice(source.start, source.end), busy: true };
      setRuns((old) => [...old, entry]);
      const finish = (outcome) => setRuns((old) => [...old.slice(0, -1), { ...entry, busy: false, ...outcome }]);
      try {
        finish(await query(wire, { signal: abort.signal, as: asker(latest.current.as) }));
      } catch (error) {
        if (abort.signal.aborted) { finish({ cancelled: true }); return; }
        finish({ error, metrics: error.metrics });
        if (error instanceof FaunaError) setProblems(error.errors.map((each) => ({ ...placeOf(spans, each.position ?? [], from), message: `${each.code}: ${each.description}` })));
        return;
      }
    }
  };

  // The text that is selected in the editor, if any.
  const selected = () => { const range = editor.current?.state.selection.main; return range && !range.empty ? { from: range.from, to: range.to } : null; };
  const latest = useRef({});
  latest.current = { text, run, as };
  const keys = [
    { key: "Mod-Enter", run: () => { latest.current.run(); return true; } },
    { key: "Alt-ArrowUp", run: () => recall(1) }, { key: "Alt-ArrowDown", run: () => recall(-1) },
  ];
  const place = useRef(-1);
  const recall = (step) => {
    const texts = histories(key);
    place.current = Math.max(-1, Math.min(texts.length - 1, place.current + step));
    if (place.current >= 0) setText(texts[place.current].text);
    return true;
  };
  const restyle = async (value) => {
    setStyle(value);
    preferences.style = value;
    try {
      const queries = await translate(text);
      const texts = await Promise.all(queries.map(({ wire }) => rendered(wire)));
      if (queries.length && !/\/\/|\/\*|^\s*#/m.test(text)) setText(texts.map((each) => each[value]).join("\n\n"));
    } catch { /* what cannot be read stays as it is */ }
  };
  return html`<article class="console">
    <header class="view-head"><h1>Query</h1><span class="grow"></span><${As} as=${as} setAs=${setAs} /></header>
    <${Editor} value=${text} onChange=${(value) => { setText(value); setProblems(NOTHING); }} language=${style} label="Query" keys=${keys} names=${() => namesOf(schema)} problems=${problems} handle=${editor} hint="Write FQL. Ctrl-Enter runs it." />
    <div class="toolbar">
      ${busy ? html`<${Button} kind="danger" onclick=${() => { running.current?.abort(); announce("Cancelled: what it has written by now stays written"); }}>Cancel<//>`
        : html`<${Button} kind="primary" onclick=${() => run()} title="Ctrl-Enter; what is selected, or everything">Run<//>`}
      <${StyleChoice} style=${style} onChange=${restyle} id="console-style" />
      <span class="grow"></span>
      <${Stream} text=${text} />
      <${Saved} dbKey=${key} text=${text} onOpen=${setText} />
      <${Past} dbKey=${key} onOpen=${setText} />
    </div>
    ${runs.length > 0 && html`<section aria-label="Results" class="results">
      <div class="tabs" role="tablist" aria-label="Shape of results">${Object.entries(SHAPES).map(([each, label]) => html`<button type="button" role="tab" aria-selected=${shape === each} onclick=${() => setShape(each)}>${label}</button>`)}</div>
      ${runs.map((each, index) => html`<${Result} key=${`${turn.current} ${index}`} run=${each} number=${runs.length > 1 ? index + 1 : null} shape=${shape} />`)}
    </section>`}
    ${!runs.length && html`<p class="soft">Several queries may stand in one text, one after the other. Alt-↑ brings back earlier ones. Press ? for all keys.</p>`}
  </article>`;
}

// The place in the text of the part of a query at a position: that of the nearest part around it that has a place.
function placeOf(spans, position, from) {
  const same = (path, length) => path.length === length && path.every((part, index) => String(part) === String(position[index]?.value ?? position[index]));
  for (let length = position.length; length >= 0; length -= 1) {
    const span = spans.find(({ path }) => same(path, length));
    if (span) return { start: from + span.start, end: from + span.end };
  }
  return { start: from, end: from + 1 };
}

function Result({ run, number, shape }) {
  const { value, metrics, error, busy, cancelled, text } = run;
  return html`<section class="result" aria-label=${number ? `Result ${number}` : "Result"} aria-busy=${Boolean(busy)}>
    <div class="row result-head">${number && html`<b>${number}</b>`}${text && html`<code class="ellipsis">${text.replace(/\s+/g, " ").slice(0, 120)}</code>`}<span class="grow"></span>
      ${metrics && html`<span class="soft" title="Time in the database; ops of reads, of writes, and of computing, of this query alone">${metrics.ms} ms · ${metrics.reads} read · ${metrics.writes} write · ${metrics.compute} compute ops${metrics.readBytes ? ` · ${metrics.readBytes.toLocaleString()} bytes read` : ""}</span>`}
      ${value !== undefined && html`<${CopyButton} text=${() => stringify(value, 2)} />`}</div>
    ${busy ? html`<p class="busy" role="status">Running…</p>` : cancelled ? html`<p class="notice">Cancelled. The database ends it, too, unless it was done already.</p>` : error ? html`<${Problem} error=${error} what="run this" />` : html`<${Value} value=${value} shape=${shape} label="Result" />`}
  </section>`;
}

// The secret and role that queries are run with

function asker(as) {
  if (as.kind === "secret") return as.secret ? { secret: as.secret } : undefined;
  if (as.kind === "me") return undefined;
  return { role: as.kind };
}

function As({ as, setAs }) {
  const { roles } = useSchema();
  return html`<span class="row"><label for="as">Run as</label>
    <select id="as" value=${as.kind} onchange=${(event) => setAs({ kind: event.target.value })}>
      <option value="me">this secret</option>
      <optgroup label="Built-in roles">${ROLES.map((name) => html`<option value=${name}>${name}</option>`)}</optgroup>
      ${roles.length > 0 && html`<optgroup label="Roles of this database">${roles.map((name) => html`<option value=${`@role/${name}`}>${name}</option>`)}</optgroup>`}
      <option value="secret">another secret…</option>
    </select>
    ${as.kind === "secret" && html`<label class="visually-hidden" for="as-secret">Secret</label><input id="as-secret" type="password" autocomplete="off" placeholder="secret" value=${as.secret ?? ""} oninput=${(event) => setAs({ kind: "secret", secret: event.target.value })} />`}
  </span>`;
}

// Saved queries

function Saved({ dbKey, text, onOpen }) {
  const [list, setList] = useState(() => kept(dbKey));
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState("");
  useEffect(() => setList(kept(dbKey)), [dbKey]);
  const save = (event) => { event.preventDefault(); setList(kept.save(dbKey, name.trim(), text)); setNaming(false); announce(`Saved as ${name}`); };
  return html`<details class="menu right"><summary class="button">Saved</summary><div class="menu-body wide">
      <${Button} onclick=${() => { setName(""); setNaming(true); }}>Save this query…<//>
      ${list.length ? html`<ul class="plain">${list.map((each) => html`<li class="row" key=${each.name}><button type="button" class="plain grow" onclick=${(event) => { onOpen(each.text); event.target.closest("details").open = false; }}>${each.name}</button><${Button} kind="small" aria-label=${`Forget ${each.name}`} onclick=${() => setList(kept.remove(dbKey, each.name))}>✕<//></li>`)}</ul>` : html`<p class="soft">None yet. They stay in this browser.</p>`}
    </div></details>
    ${naming && html`<${Dialog} title="Save this query" onClose=${() => setNaming(false)}><form onsubmit=${save}><${TextField} id="query-name" label="Name" value=${name} onChange=${setName} autofocus=${true} /><footer><${Button} onclick=${() => setNaming(false)}>Cancel<//><${Button} type="submit" kind="primary" disabled=${!name.trim()}>Save<//></footer></form><//>`}`;
}

function Past({ dbKey, onOpen }) {
  const [list, setList] = useState([]);
  return html`<details class="menu right" ontoggle=${(event) => { if (event.target.open) setList(histories(dbKey)); }}><summary class="button">History</summary><div class="menu-body wide">
    ${list.length ? html`<ul class="plain">${list.map((each, index) => html`<li key=${index}><button type="button" class="plain" onclick=${(event) => { onOpen(each.text); event.target.closest("details").open = false; }}><code>${each.text.replace(/\s+/g, " ").slice(0, 100)}</code></button></li>`)}</ul>
    <${Button} kind="small" onclick=${() => { clearHistory(dbKey); setList([]); }}>Forget all<//>` : html`<p class="soft">Nothing was run here yet.</p>`}
    <p class="help">Kept in this browser; queries with passwords or secrets only until this tab closes.</p>
  </div></details>`;
}

// A stream of the expression in the editor

function Stream({ text }) {
  const [open, setOpen] = useState(false);
  const [events, setEvents] = useState([]);
  const [state, setState] = useState("");
  useEffect(() => {
    if (!open) return undefined;
    let close = () => {};
    let over = false;
    setEvents([]);
    setState("connecting…");
    translate(text).then(([first]) => {
      if (over) return;
      let number = 0;
      close = stream(first.wire, (event) => { number += 1; const entry = { event, number }; setEvents((old) => [entry, ...old].slice(0, EVENTS)); setState("open"); }, (error) => setState(error ? error.message : "closed"));
    }, (error) => setState(error.message));
    return () => { over = true; close(); };
  }, [open]);
  return html`<${Button} onclick=${() => setOpen(true)} title="Follow what the text says: a document, or a set">Stream<//>
    ${open && html`<${Dialog} title="Stream" wide=${true} onClose=${() => setOpen(false)}><p role="status">${state}</p>
      <ul class="plain events" role="log" aria-label="Stream events">${events.map(({ event, number }) => html`<li class="card" key=${number}><${Value} value=${event} shape="tree" /></li>`)}</ul><//>`}`;
}
