// The documents of a collection as a table.

import { query, session, value as ask } from "./api.js";
import { ANY_FIELD, NEEDS_VALUE, OPERATORS, oneQuery, orders, pageQuery, plan } from "./filters.js";
import { documents as documentsOf, quote, readRef } from "./fql.js";
import { equal, parse, stringify } from "./json.js";
import { useLive } from "./live.js";
import { preferences } from "./preferences.js";
import { change, link, parseHash } from "./route.js";
import { useSchema } from "./schema.js";
import { Busy, Button, CopyButton, Empty, Problem, announce, download, useLoaded } from "./ui.js";
import { Table, columnLabel, columnsOf, csvHead, csvLines } from "./values.js";
import { html, useEffect, useMemo, useRef, useState } from "./vendor/view.js";

const SIZES = [10, 25, 50, 100, 500, 1000];
// How many documents one query of a scan reads, and how many rows a scan shows before it stops until more are asked for.
const SCAN = 1000, SCAN_ROWS = 1000;
// How many columns are shown by default.
const FIRST_COLUMNS = 8;

export function Documents({ name }) {
  const schema = useSchema();
  const { query: address } = parseHash();
  const wanted = useMemo(() => ({
    field: address.get("field") || "", op: address.get("op") || "equals", value: address.get("value") || "",
    order: address.get("order") || "", reverse: address.get("reverse") === "1",
  }), [address.toString()]);
  const size = Number(address.get("size")) || preferences.size;
  const cursor = ["after", "before"].filter((side) => address.get(side)).map((side) => [side, address.get(side)])[0];
  const { value: planned, error: badFilter } = useLoaded(() => plan(wanted, { name, indexes: schema.indexes, ...wanted }), [wanted, name, schema.indexes]);
  return html`<article>
    <header class="view-head">
      <div><p class="kind">Collection</p><h1>${name}</h1></div>
      <span class="grow"></span>
      <${Count} name=${name} />
      <a class="button" href=${link(["edit", "collections", name])}>Settings</a>
      <a class="button primary" href=${link(["collections", name, "new"])}>New document</a>
    </header>
    <${Filter} name=${name} wanted=${wanted} planned=${planned} error=${badFilter} />
    ${planned && html`<${Rows} key=${`${name} ${stringify(wanted)}`} name=${name} planned=${planned} size=${size} cursor=${cursor} />`}
  </article>`;
}

function Count({ name }) {
  const [count, setCount] = useState(null);
  useEffect(() => setCount(null), [name]);
  const run = async () => {
    try { setCount((await ask({ count: documentsOf(name) })).value); } catch (error) { announce(error.message); }
  };
  return html`<${Button} onclick=${run} title="Count all documents">${count === null ? "Count" : `${Number(count).toLocaleString()} documents`}<//>`;
}

// The filter, the order

function Filter({ name, wanted, planned, error }) {
  const schema = useSchema();
  const [field, setField] = useState(wanted.field);
  const [op, setOp] = useState(wanted.op);
  const [value, setValue] = useState(wanted.value);
  useEffect(() => { setField(wanted.field); setOp(wanted.op); setValue(wanted.value); }, [wanted]);
  const again = { after: undefined, before: undefined };
  const submit = (event) => {
    event.preventDefault();
    change({ ...again, field, op: field && op !== "equals" ? op : undefined, value: field && NEEDS_VALUE(op) ? value : undefined });
  };
  const clear = () => change({ ...again, field: undefined, op: undefined, value: undefined });
  const sorts = orders(schema.indexes, name);
  return html`<form class=${`toolbar filter${field ? " active" : ""}`} onsubmit=${submit} role="search" aria-label="Filter documents">
    <label class="visually-hidden" for="filter-field">Field</label>
    <input id="filter-field" list="filter-fields" value=${field} placeholder="field, id, or * for any" size="20" spellcheck="false" oninput=${(event) => setField(event.target.value)} />
    <datalist id="filter-fields"><option value="id" /><option value=${ANY_FIELD}>any field</option>${knownFields(name).map((each) => html`<option value=${each} />`)}</datalist>
    <label class="visually-hidden" for="filter-op">Comparison</label>
    <select id="filter-op" value=${op} onchange=${(event) => setOp(event.target.value)}>${Object.entries(OPERATORS).map(([key, text]) => html`<option value=${key}>${text}</option>`)}</select>
    ${NEEDS_VALUE(op) && html`<label class="visually-hidden" for="filter-value">Value</label>
    <input id="filter-value" class="grow" value=${value} placeholder='fire, 7, "7", Time("2024-01-01T00:00:00Z")' spellcheck="false" oninput=${(event) => setValue(event.target.value)} />`}
    <${Button} kind="" type="submit">Filter<//>
    ${wanted.field && html`<${Button} onclick=${clear}>Clear<//>`}
    <span class="sorting"><label for="order">Order</label>
    <select id="order" value=${wanted.order} onchange=${(event) => change({ ...again, order: event.target.value })}>
      <option value="">by id</option>${sorts.map((index) => html`<option value=${index.name}>by ${index.name}</option>`)}
    </select>
    <${Button} aria-pressed=${wanted.reverse} title="Turn the order round" aria-label="Descending" onclick=${() => change({ ...again, reverse: wanted.reverse ? undefined : "1" })}>${wanted.reverse ? "↓" : "↑"}<//></span>
    ${planned?.how && html`<p class=${`plan${planned.scans ? " scans" : ""}`}>${planned.how}</p>`}
    ${error && html`<${Problem} error=${error} />`}
  </form>`;
}

const seenFields = new Map();
const knownFields = (name) => seenFields.get(name) ?? [];
const place = (name) => [...session.path, name].join("/");

// Rows: those of a page, or those that a scan has found so far

function Rows({ name, planned, size, cursor }) {
  const { query: address } = parseHash();
  const [rows, setRows] = useState(null);
  const [page, setPage] = useState({});
  const [scan, setScan] = useState(null);
  const [error, setError] = useState(null);
  const [metrics, setMetrics] = useState(null);
  const [turn, setTurn] = useState(0);
  const running = useRef(null);

  const load = async (from, before = []) => {
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    const { signal } = abort;
    setError(null);
    try {
      if (planned.id !== undefined) {
        const found = await query(oneQuery(name, planned.id), { signal });
        setRows([found.value]); setPage({}); setMetrics(found.metrics);
      } else if (!planned.scans) {
        const found = await query(pageQuery(planned, { size, ...from }), { signal });
        setRows(found.value.data); setPage(found.value); setMetrics(found.metrics);
      } else await scanOn(from, before, signal);
    } catch (problem) {
      if (signal.aborted) { setScan((old) => old && { ...old, running: false }); return; }
      if (planned.id !== undefined && (problem.isMissing || problem.code === "invalid ref")) { setRows([]); setPage({}); return; }
      setError(problem);
      setScan((old) => old && { ...old, running: false });
    }
  };

  const scanOn = async (from, before, signal) => {
    let found = before;
    let looked = before.length ? scan.looked : 0;
    let next = from;
    const stopAt = before.length + Math.min(SCAN_ROWS, size);
    setScan({ looked, running: true, next });
    setRows(found);
    while (next && found.length < stopAt) {
      const { value } = await query(pageQuery(planned, { size: SCAN, ...next }), { signal });
      looked += SCAN;
      found = [...found, ...value.data];
      next = value.after === undefined ? null : { after: quote(value.after) };
      setRows(found);
      setScan({ looked, running: true, next });
    }
    setScan({ looked, running: false, next });
  };

  useEffect(() => {
    load(cursor ? { [cursor[0]]: quote(parse(cursor[1])) } : {});
    return () => running.current?.abort();
  }, [planned, size, cursor?.join(" "), turn]);

  const live = address.get("live") === "1";
  const { marks, state: liveState } = useLive(live, { name, planned, rows, setRows });
  const columns = useColumns(name, rows);
  if (error) return html`<${Problem} error=${error} what="read these documents" again=${() => setTurn(turn + 1)} />`;
  if (rows === null) return html`<${Busy} />`;
  const turnTo = (side) => () => change({ after: undefined, before: undefined, [side]: stringify(page[side]) });
  return html`<section aria-label="Documents">
    <div class="toolbar">
      <${Columns} name=${name} columns=${columns} />
      <${Button} aria-pressed=${live} kind=${live ? "live" : ""} onclick=${() => change({ live: live ? undefined : "1" })}>${live ? "● Live" : "Live"}<//>
      ${live && html`<span class="soft" role="status">${liveState}</span>`}
      <${Button} onclick=${() => setTurn(turn + 1)} title="Read again (r)" data-key="r">Refresh<//>
      <span class="grow"></span>
      <${Export} name=${name} rows=${rows} columns=${columns.shown} planned=${planned} />
    </div>
    ${scan && html`<${Scan} scan=${scan} found=${rows.length} stop=${() => running.current.abort()} more=${() => load(scan.next, rows)} />`}
    ${rows.length
      ? html`<${Table} rows=${rows} columns=${columns.shown} label=${`Documents of ${name}`} marks=${(row) => marks.get(readRef(row.ref).id) ?? ""} first=${{ title: "id", cell: (row) => html`<${IdCell} name=${name} row=${row} mark=${marks.get(readRef(row.ref).id)} />` }} />`
      : !scan?.running && html`<${Nothing} name=${name} planned=${planned} cursor=${cursor} />`}
    <div class="toolbar pages">
      ${!planned.scans && planned.id === undefined && html`
        <${Button} disabled=${page.before === undefined} onclick=${turnTo("before")} data-key="p">← Previous<//>
        <${Button} disabled=${page.after === undefined} onclick=${turnTo("after")} data-key="n">Next →<//>`}
      <label for="size">Rows</label>
      <select id="size" value=${size} onchange=${(event) => { preferences.size = Number(event.target.value); change({ size: event.target.value, after: undefined, before: undefined }); }}>${SIZES.map((each) => html`<option value=${each}>${each}</option>`)}</select>
      <span class="grow"></span>
      ${metrics && html`<span class="soft">${rows.length} shown · ${metrics.ms} ms · ${metrics.reads} read ops</span>`}
    </div>
  </section>`;
}

const IdCell = ({ name, row, mark }) => html`<a class="id" href=${link(["collections", name, readRef(row.ref).id])}>${readRef(row.ref).id}</a>${mark && html` <span class=${`badge ${mark}`}>${mark}</span>`}`;

function Nothing({ name, planned, cursor }) {
  if (planned.scans || planned.index || planned.id !== undefined) return html`<${Empty} title="No document is like that."><p>Change the filter, or clear it to see all of ${name}.</p><//>`;
  if (cursor) return html`<${Empty} title="There are no documents on this page."><p><a href=${link(["collections", name])}>Go to the first page</a></p><//>`;
  return html`<${Empty} title=${`${name} has no documents yet.`}>
    <p>Make the first one by hand, or run a query such as <code>${`Create(Collection(${JSON.stringify(name)}), {data: {}})`}</code>.</p>
    <p><a class="button primary" href=${link(["collections", name, "new"])}>New document</a></p>
  <//>`;
}

function Scan({ scan, found, stop, more }) {
  return html`<div class="notice scan" role="status">
    <span>${scan.running ? "Scanning" : scan.next ? "Paused" : "Scanned everything"}: ${found.toLocaleString()} found${scan.looked ? ` among ${scan.next || scan.running ? `the first ${scan.looked.toLocaleString()}` : `up to ${scan.looked.toLocaleString()}`}` : ""}</span>
    <span class="grow"></span>
    ${scan.running ? html`<${Button} onclick=${stop}>Stop<//>` : scan.next && html`<${Button} onclick=${more}>Scan on<//>`}
  </div>`;
}

// Columns

function useColumns(name, rows) {
  const [chosen, setChosen] = useState(() => preferences.columns(place(name)));
  const all = useMemo(() => {
    const found = columnsOf(rows ?? []).filter((path) => path[0] !== "ref" && path.length);
    const data = found.filter((path) => path[0] === "data");
    seenFields.set(name, data.filter((path) => path.length > 1).map((path) => path.slice(1).join(".")));
    return [...data, ...found.filter((path) => path[0] !== "data")];
  }, [rows]);
  const extra = (chosen ?? []).filter((path) => !all.some((each) => equal(each, path)));
  const choices = [...all, ...extra];
  const first = [...all.filter((path) => path[0] === "data").slice(0, FIRST_COLUMNS), ...all.filter((path) => path[0] === "ts")];
  const shown = chosen ? choices.filter((path) => chosen.some((each) => equal(each, path))) : first;
  const set = (paths) => { preferences.setColumns(place(name), paths); setChosen(paths); };
  return { choices, shown, set, isChosen: chosen !== null };
}

function Columns({ columns }) {
  const [field, setField] = useState("");
  const toggle = (path) => columns.set(columns.shown.some((each) => equal(each, path)) ? columns.shown.filter((each) => !equal(each, path)) : [...columns.shown, path]);
  const add = (event) => {
    event.preventDefault();
    if (field.trim()) columns.set([...columns.shown, ["data", ...field.trim().replace(/^data\./, "").split(".")]]);
    setField("");
  };
  return html`<details class="menu"><summary class="button">Columns ${columns.shown.length}/${columns.choices.length}</summary>
    <div class="menu-body">
      ${columns.choices.map((path) => html`<label class="choice" key=${path.join(".")}><input type="checkbox" checked=${columns.shown.some((each) => equal(each, path))} onchange=${() => toggle(path)} />${columnLabel(path)}</label>`)}
      <form class="row" onsubmit=${add}><label class="visually-hidden" for="add-column">Another field</label><input id="add-column" placeholder="address.city" size="14" value=${field} oninput=${(event) => setField(event.target.value)} /><${Button} type="submit">Add<//></form>
      ${columns.isChosen && html`<${Button} kind="small" onclick=${() => columns.set(null)}>As at first<//>`}
    </div>
  </details>`;
}

// Copy and download

function Export({ name, rows, columns, planned }) {
  const [progress, setProgress] = useState(null);
  const stopped = useRef(false);
  const withId = [["ref"], ...columns];
  const csv = (some) => csvLines(some, withId);
  const all = async (kind) => {
    stopped.current = false;
    const parts = [kind === "csv" ? csvHead(withId) : "["];
    let count = 0;
    try {
      for (let cursor = {}; cursor && !stopped.current;) {
        const page = await ask(pageQuery(planned, { size: SCAN, ...cursor }));
        if (kind === "csv") parts.push(csv(page.data).join(""));
        else if (page.data.length) parts.push(`${count ? "," : ""}\n${page.data.map((row) => stringify(row)).join(",\n")}`);
        count += page.data.length;
        setProgress(count);
        cursor = page.after === undefined ? null : { after: quote(page.after) };
      }
      if (!stopped.current) save(kind, kind === "csv" ? parts : [...parts, "\n]\n"]);
    } catch (error) {
      announce(`Not downloaded: ${error.message}`);
    }
    setProgress(null);
  };
  const save = (kind, parts) => download(`${name}.${kind}`, parts, kind === "csv" ? "text/csv;charset=utf-8" : "application/json");
  const pageParts = (kind) => (kind === "csv" ? [csvHead(withId), ...csv(rows)] : [stringify(rows, 2)]);
  if (progress !== null) return html`<span role="status">${progress.toLocaleString()} documents</span><${Button} onclick=${() => { stopped.current = true; }}>Stop<//>`;
  return html`<${CopyButton} text=${() => stringify(rows, 2)} label="Copy JSON" />
    <details class="menu right"><summary class="button">Download</summary>
      <div class="menu-body">
        <${Button} onclick=${() => save("json", pageParts("json"))}>These rows as JSON<//>
        <${Button} onclick=${() => save("csv", pageParts("csv"))}>These rows as CSV<//>
        ${planned.set && html`<${Button} onclick=${() => all("json")}>Everything as JSON<//><${Button} onclick=${() => all("csv")}>Everything as CSV<//>`}
      </div>
    </details>`;
}
