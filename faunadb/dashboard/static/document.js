// One document: reading, editing, its history.

import { FaunaError, rendered, value as ask } from "./api.js";
import { Difference, Editor, placeInJson } from "./editor.js";
import { collection, document, get, literal, object, paginate, quote, readRef, refText, select } from "./fql.js";
import { escapeOf, isObject, parse, patchOf, stringify, syntaxProblem } from "./json.js";
import { change, go, link, parseHash } from "./route.js";
import { useSchema } from "./schema.js";
import { Busy, Button, Confirm, CopyButton, Dialog, Empty, Field, Fql, Problem, announce, useAction, useLoaded } from "./ui.js";
import { Text, Tree } from "./values.js";
import { preferences } from "./preferences.js";
import { html, useEffect, useMemo, useState } from "./vendor/view.js";

const TABS = { tree: "Tree", text: "JSON", fql: "FQL", edit: "Edit", history: "History" };
const CHANGED = "This document was changed by somebody else since it was read here.";

export function Document({ name, id }) {
  const { query: address } = parseHash();
  const tab = address.get("tab") || "tree";
  const ref = document(name, id);
  const { value: doc, error, busy, again } = useLoaded((signal) => ask(get(ref), { signal }), [name, id]);
  const [deleting, setDeleting] = useState(false);
  const missing = error instanceof FaunaError && error.isMissing;
  return html`<article>
    <header class="view-head">
      <div><p class="kind"><a href=${link(["collections", name])}>${name}</a></p><h1>${id}</h1></div>
      <span class="grow"></span>
      ${doc && html`<${CopyButton} text=${refText(doc.ref)} label="Copy ref" />
      <${CopyButton} text=${() => stringify(doc, 2)} label="Copy JSON" />
      <a class="button" href=${link(["collections", name, "new"], { from: id })}>Duplicate</a>
      <${Button} kind="danger" onclick=${() => setDeleting(true)}>Delete<//>`}
    </header>
    <div class="tabs" role="tablist" aria-label="Ways to look at the document">
      ${Object.entries(TABS).filter(([key]) => doc || key === "history" || key === tab).map(([key, text]) => html`<button type="button" role="tab" aria-selected=${tab === key} data-key=${key === "edit" ? "e" : key === "history" ? "h" : undefined} onclick=${() => change({ tab: key === "tree" ? undefined : key })}>${text}</button>`)}
    </div>
    <div role="tabpanel" aria-label=${TABS[tab]}>
    ${tab === "history" ? html`<${History} name=${name} id=${id} current=${doc} onRestored=${again} />`
      : missing ? html`<${Empty} title="There is no such document (any more)."><p>If it was deleted, its <a href=${link(["collections", name, id], { tab: "history" })}>history</a> may still hold it.</p><//>`
      : error ? html`<${Problem} error=${error} what="read this document" again=${again} />`
      : !doc ? html`<${Busy} />`
      : tab === "text" ? html`<${Text} value=${doc} label="The document as JSON" />`
      : tab === "fql" ? html`<${AsFql} doc=${doc} />`
      : tab === "edit" ? html`<${Edit} key=${stringify(doc.ts)} name=${name} doc=${doc} onDone=${() => { again(); change({ tab: undefined }); }} onReload=${again} />`
      : html`<${Tree} value=${doc} open=${true} root=${true} />`}
    </div>
    ${busy && doc && html`<${Busy} />`}
    ${deleting && html`<${Confirm} title="Delete this document?" wire=${{ delete: ref }} action=${() => ask({ delete: ref })} onClose=${() => setDeleting(false)} onDone=${() => { announce(`${id} is deleted`); go(["collections", name]); }}>
      <p>${refText(doc.ref)} is deleted. As long as the collection keeps history it can be restored from there.</p>
    <//>`}
  </article>`;
}

function AsFql({ doc }) {
  const large = stringify(doc).length > 60_000;
  const { value: texts, error } = useLoaded(() => (large ? Promise.reject(new Error("This document is too large to be written as FQL: see it as JSON.")) : rendered(literal(doc))), [doc]);
  if (error) return html`<${Problem} error=${error} />`;
  return texts ? html`<${Editor} value=${texts[preferences.style]} language=${preferences.style} readOnly=${true} label="The document as FQL" />` : html`<${Busy} />`;
}

// Editing

const pretty = (value) => stringify(value ?? {}, 2);
const ttlOf = (doc) => doc.ttl?.["@ts"] ?? "";

// Read the texts of the editors: {data, ttl}. Throws SyntaxError.
function parseData(text) {
  const data = parse(text);
  if (!isObject(data) || ![null, "@obj"].includes(escapeOf(data))) throw new SyntaxError("The data of a document is a JSON object, such as {\"name\": \"fire\"}");
  return data;
}

const ttlExpression = (text) => (text.trim() ? { time: text.trim() } : null);
const byField = (failures, field) => failures.filter((failure) => failure.field[0] === field);

// The problems in the text of `data`: its syntax errors, or the database's errors about its fields.
function useProblems(text, error) {
  return useMemo(() => {
    const found = [];
    try { parseData(text); } catch (problem) { found.push(syntaxProblem(text) ?? { start: 0, end: 1, message: problem.message }); }
    const failures = error instanceof FaunaError ? error.failures : [];
    for (const failure of failures.filter((each) => each.field[0] === "data")) {
      found.push({ ...placeInJson(text, failure.field.slice(1).map(String)), message: failure.description });
    }
    for (const field of uniqueFields(error)) found.push({ ...placeInJson(text, field), message: error.message });
    return found;
  }, [text, error]);
}

// The fields of a unique index, since the error names only the index.
function uniqueFields(error) {
  return error?.fields ?? [];
}

function withUnique(error, schema, name) {
  if (error instanceof FaunaError && error.code === "instance not unique") {
    const unique = schema.indexes.filter((index) => index.unique);
    error.fields = unique.flatMap((index) => [...(index.terms ?? []), ...(index.values ?? [])])
      .map((entry) => entry.field).filter((field) => field?.[0] === "data" && error.errors.length).map((field) => field.slice(1));
  }
  return error;
}

function Edit({ name, doc, onDone, onReload }) {
  const schema = useSchema();
  const [text, setText] = useState(() => pretty(doc.data));
  const [ttl, setTtl] = useState(() => ttlOf(doc));
  const [how, setHow] = useState("update");
  const [error, setError] = useState(null);
  const [review, setReview] = useState(null);
  const problems = useProblems(text, error);
  const same = text === pretty(doc.data) && ttl === ttlOf(doc);
  const failures = error instanceof FaunaError ? error.failures : [];
  const look = () => {
    try {
      const data = parseData(text);
      const params = how === "replace" ? { data } : { data: patchOf(doc.data ?? {}, data) };
      if (ttl !== ttlOf(doc) || (how === "replace" && ttl)) params.ttl = ttlExpression(ttl);
      const wire = { [how]: document(name, readRef(doc.ref).id), params: object({ data: literal(params.data), ...("ttl" in params ? { ttl: params.ttl } : {}) }) };
      setReview({ wire, after: pretty(data) });
    } catch (problem) { setError(problem); }
  };
  useEffect(() => {
    if (same) return undefined;
    const warn = (event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [same]);
  return html`<section class="form" aria-label="Edit the document">
    <${Editor} value=${text} onChange=${(value) => { setText(value); setError(null); }} language="json" label="data, as JSON" problems=${problems} tall=${true}
      keys=${[{ key: "Mod-s", run: () => { look(); return true; } }]} />
    <p class="help">JSON with the escapes of the wire protocol: <code>{"@ref": …}</code>, <code>{"@ts": "2024-01-01T00:00:00Z"}</code>, <code>{"@date": …}</code>. Numbers keep their digits: 1.0 is a Double, 1 an Integer.</p>
    <${Field} label="Expires (ttl)" id="ttl" failures=${byField(failures, "ttl")} help="A time such as 2030-01-01T00:00:00Z, or empty: never.">
      <input id="ttl" value=${ttl} spellcheck="false" oninput=${(event) => { setTtl(event.target.value); setError(null); }} />
    <//>
    <div class="row" role="radiogroup" aria-label="How to write">
      <label class="choice"><input type="radio" name="how" checked=${how === "update"} onchange=${() => setHow("update")} />Update: write what changed</label>
      <label class="choice"><input type="radio" name="how" checked=${how === "replace"} onchange=${() => setHow("replace")} />Replace: write it as a whole</label>
    </div>
    <${Problem} error=${error} what="change this document" />
    <footer><${Button} onclick=${() => { setText(pretty(doc.data)); setTtl(ttlOf(doc)); setError(null); }} disabled=${same}>Discard<//>
    <${Button} kind="primary" onclick=${look} disabled=${same || problems.length > 0 && !error}>Review and save<//></footer>
    ${review && html`<${Review} title="Save this change?" before=${pretty(doc.data)} after=${review.after} wire=${review.wire} guard=${doc} onClose=${() => setReview(null)}
      onDone=${() => { announce("Saved"); onDone(); }} onError=${(problem) => { setError(withUnique(problem, schema, name)); setReview(null); }} onReload=${() => { setReview(null); onReload(); }} />`}
  </section>`;
}

// Shows what a change will do, and its query. guard: the document as it was read; the query fails if it has changed since.
function Review({ title, before, after, wire, guard, onClose, onDone, onError, onReload, label = "Save" }) {
  const [conflict, setConflict] = useState(false);
  const write = async (force) => {
    if (!guard || force) { await ask(wire); return; }
    const unchanged = { equals: [select(["ts"], get(quote(guard.ref)), null), guard.ts] };
    await ask({ if: unchanged, then: wire, else: { abort: CHANGED } });
  };
  const [run, { busy, error }] = useAction(async (force) => {
    try { await write(force); } catch (problem) {
      if (problem.message === CHANGED || problem.status === 409) { setConflict(problem); return; }
      if (onError && problem instanceof FaunaError) { onError(problem); return; }
      throw problem;
    }
    onDone();
  });
  return html`<${Dialog} title=${title} onClose=${onClose} wide=${true}>
    <h3>What will be different</h3>
    ${before === after ? html`<p class="soft">Nothing in data.</p>` : html`<${Difference} before=${before} after=${after} label="Difference" />`}
    <${Fql} wire=${wire} />
    <${Problem} error=${error} what="write this" />
    ${conflict && html`<div class="notice bad" role="alert"><p><b>${conflict.message}</b></p><p>Read it again to see what it is now, or write over it.</p></div>`}
    <footer><${Button} onclick=${onClose}>Cancel<//>
    ${conflict && onReload && html`<${Button} onclick=${onReload}>Read again<//>`}
    <${Button} kind=${conflict ? "danger" : "primary"} disabled=${busy} onclick=${() => run(Boolean(conflict))}>${conflict ? "Write over it" : label}<//></footer>
  <//>`;
}

// A new document, empty or as a duplicate

export function NewDocument({ name }) {
  const schema = useSchema();
  const from = parseHash().query.get("from");
  const { value: source, error: noSource } = useLoaded((signal) => (from ? ask(get(document(name, from)), { signal }) : Promise.resolve(null)), [name, from]);
  const [text, setText] = useState(null);
  const [id, setId] = useState("");
  const [ttl, setTtl] = useState("");
  const [error, setError] = useState(null);
  useEffect(() => { if (source !== undefined) setText(pretty(source?.data ?? {})); }, [source]);
  const problems = useProblems(text ?? "{}", error);
  const wire = useMemo(() => {
    try {
      const params = { data: literal(parseData(text)), ...(ttl.trim() ? { ttl: ttlExpression(ttl) } : {}) };
      return { create: id.trim() ? document(name, id.trim()) : collection(name), params: object(params) };
    } catch { return null; }
  }, [text, id, ttl, name]);
  const [create, { busy }] = useAction(async () => {
    try {
      const made = await ask(wire);
      announce("Created");
      go(["collections", name, readRef(made.ref).id]);
    } catch (problem) { setError(withUnique(problem, schema, name)); }
  });
  if (noSource) return html`<${Problem} error=${noSource} what="read the document to duplicate" />`;
  if (text === null) return html`<${Busy} />`;
  const failures = error instanceof FaunaError ? error.failures : [];
  const taken = error?.code === "instance already exists" ? [{ description: error.message }] : [];
  return html`<article class="form">
    <header class="view-head"><div><p class="kind"><a href=${link(["collections", name])}>${name}</a></p><h1>${from ? `Duplicate of ${from}` : "New document"}</h1></div></header>
    <${Editor} value=${text} onChange=${(value) => { setText(value); setError(null); }} language="json" label="data, as JSON" problems=${problems} tall=${true} keys=${[{ key: "Mod-s", run: () => { create(); return true; } }]} />
    <div class="columns">
      <${Field} label="Id" id="new-id" failures=${taken} help="Empty: the database makes one."><input id="new-id" inputmode="numeric" value=${id} oninput=${(event) => setId(event.target.value)} /><//>
      <${Field} label="Expires (ttl)" id="ttl" failures=${byField(failures, "ttl")} help="A time such as 2030-01-01T00:00:00Z, or empty: never."><input id="ttl" value=${ttl} oninput=${(event) => setTtl(event.target.value)} /><//>
    </div>
    <${Problem} error=${error} what="create documents here" />
    ${wire && html`<${Fql} wire=${wire} />`}
    <footer><a class="button" href=${link(["collections", name])}>Cancel</a><${Button} kind="primary" disabled=${busy || !wire} onclick=${create}>Create<//></footer>
  </article>`;
}

// History

const EVENTS = 50;
const when = (micros) => new Date(Number(BigInt(micros) / 1000n)).toISOString().replace("T", " ").replace("Z", "");

// The events of a document, newest first, each with the version it made if that is still kept.
async function loadHistory(ref, signal) {
  // Read the last page, since sets of events cannot be reversed.
  const page = await ask(paginate({ events: ref }, { size: EVENTS, before: null }), { signal });
  const newestFirst = page.data.reverse();
  const versions = await Promise.all(newestFirst.map(async (event) => {
    if (event.action === "delete") return null;
    try { return await ask({ get: ref, ts: event.ts }, { signal }); } catch (error) { return { error }; }
  }));
  return { events: newestFirst.map((event, index) => ({ ...event, version: versions[index] })), hasOlder: page.before !== undefined };
}

function History({ name, id, current, onRestored }) {
  const ref = document(name, id);
  const { value: found, error, again } = useLoaded((signal) => loadHistory(ref, signal), [name, id]);
  const [chosen, setChosen] = useState([0, 1]);
  const [restoring, setRestoring] = useState(null);
  if (error) return html`<${Problem} error=${error} what="read the history of this document" again=${again} />`;
  if (!found) return html`<${Busy} />`;
  const { events } = found;
  if (!events.length) return html`<${Empty} title="No history is kept of this document."><p>Collections keep history when <a href=${link(["edit", "collections", name])}>history_days</a> says so.</p><//>`;
  const text = (event) => (event?.version && !event.version.error ? pretty(event.version.data) : "");
  const [newer, older] = chosen.map((index) => events[index]);
  const pick = (side, index) => setChosen((old) => (side === 0 ? [index, Math.max(old[1], index + 1)] : [Math.min(old[0], index - 1), index]));
  const restore = restoring && restoreQuery(ref, restoring.version, current);
  return html`<div class="history">
    <ol class="events" aria-label="Versions, newest first">${events.map((event, index) => html`<li key=${index} class=${chosen.includes(index) ? "chosen" : ""}>
      <span class="picks">
        <label><input type="radio" name="newer" aria-label=${`Compare: version ${index + 1} is the newer one`} checked=${chosen[0] === index} onchange=${() => pick(0, index)} /></label>
        <label><input type="radio" name="older" aria-label=${`Compare: version ${index + 1} is the older one`} checked=${chosen[1] === index} disabled=${index === 0} onchange=${() => pick(1, index)} /></label>
      </span>
      <span class=${`badge ${event.action}`}>${event.action}</span>
      <time title=${event.ts.value}>${when(event.ts.value)}</time>
      ${index === 0 && current && html`<span class="soft">now</span>`}
      <span class="grow"></span>
      ${event.version?.error ? html`<span class="soft" title=${event.version.error.message}>not kept</span>` : event.version && !(index === 0 && current) && html`<${Button} kind="small" aria-label="Restore this version" title="Restore this version" onclick=${() => setRestoring(event)}>Restore<//>`}
    </li>`)}</ol>
    ${found.hasOlder && html`<p class="soft">Only the newest ${EVENTS} events are shown.</p>`}
    <h3>${older ? `What changed from ${when(older.ts.value)} to ${when(newer.ts.value)}` : `As it was made, ${when(newer.ts.value)}`}</h3>
    ${text(older) === text(newer) ? html`<p class="soft">Nothing in data.</p>` : html`<${Difference} before=${text(older)} after=${text(newer)} label="Difference between two versions" />`}
    ${restore && html`<${Review} title=${`Restore the version of ${when(restoring.ts.value)}?`} before=${pretty(current?.data)} after=${pretty(restoring.version.data)} wire=${restore} guard=${current} label="Restore"
      onClose=${() => setRestoring(null)} onDone=${() => { announce("Restored"); setRestoring(null); again(); onRestored(); }} />`}
  </div>`;
}

// Restore a version: replace the present one, or create the document again.
function restoreQuery(ref, version, current) {
  const params = object({ data: literal(version.data ?? {}), ...(version.ttl ? { ttl: version.ttl } : {}) });
  return current ? { replace: ref, params } : { create: ref, params };
}
