// Values as trees, tables and text.

import { readRef, refText, short } from "./fql.js";
import { at, escapeOf, isLosslessNumber, isObject, membersOf, stringify } from "./json.js";
import { link } from "./route.js";
import { session } from "./api.js";
import { Editor } from "./editor.js";
import { Button } from "./ui.js";
import { html, useState } from "./vendor/view.js";

// How many members of an object, or items of an array, a tree shows before it offers more.
const SHOWN = 100;
// How many characters of a string a tree and a cell show.
const LONG = 2000, CELL = 160;

// The link to what a ref names; null when there is no view for it.
function refLink(value) {
  const { kind, name, collection, id, path } = readRef(value);
  const database = [...session.path, ...(path ?? [])];
  if (collection !== undefined) return link(["collections", collection, id], {}, database);
  if (kind === "databases" && name !== undefined) return link([], {}, [...database, name]);
  if (kind === "credentials" || kind === undefined) return null;
  return link(name === undefined ? [kind] : [kind, name], {}, database);
}

export function RefLink({ value }) {
  const target = refLink(value);
  return target ? html`<a class="ref" href=${target}>${refText(value)}</a>` : html`<span class="ref">${refText(value)}</span>`;
}

function Leaf({ value }) {
  const [whole, setWhole] = useState(false);
  if (escapeOf(value) === "@ref") return html`<${RefLink} value=${value} />`;
  if (typeof value === "string") {
    const cut = !whole && value.length > LONG;
    return html`<span class="string">${JSON.stringify(cut ? value.slice(0, LONG) : value)}</span>${cut && html` <${Button} kind="small" onclick=${() => setWhole(true)}>${`show all ${value.length.toLocaleString()} characters`}<//>`}`;
  }
  if (isLosslessNumber(value)) return html`<span class="number">${value.value}</span>`;
  if (value === null || typeof value === "boolean") return html`<span class="number">${String(value)}</span>`;
  return html`<span class="time">${short(value)}</span>`;
}

function Children({ value }) {
  const [shown, setShown] = useState(SHOWN);
  const entries = Array.isArray(value) ? value.slice(0, shown) : Object.entries(value).slice(0, shown);
  const total = Array.isArray(value) ? value.length : Object.keys(value).length;
  return html`<ul>
    ${entries.map((entry, index) => (Array.isArray(value) ? html`<${Tree} key=${index} name=${index} value=${entry} />` : html`<${Tree} key=${entry[0]} name=${entry[0]} value=${entry[1]} />`))}
    ${total > shown && html`<li><${Button} kind="small" onclick=${() => setShown(shown + SHOWN * 5)}>${`${(total - shown).toLocaleString()} more`}<//></li>`}
  </ul>`;
}

// Branches are built when they are opened, so that a large value costs no more than what is shown of it.
export function Tree({ value, name = null, open = false, root = false }) {
  const escape = escapeOf(value);
  const inner = escape === "@obj" ? value["@obj"] : value;
  const branch = (escape === null || ["@obj", "@set", "@query"].includes(escape)) && inner !== null && typeof inner === "object" && !isLosslessNumber(inner);
  const size = branch ? (Array.isArray(inner) ? inner.length : Object.keys(inner).length) : 0;
  const [isOpen, setOpen] = useState(open || (branch && size <= 12));
  const label = name === null ? null : html`<span class="key">${name}</span>${": "}`;
  const body = !branch || size === 0
    ? html`<div class="leaf">${label}${branch ? html`<span class="soft">${Array.isArray(inner) ? "[]" : "{}"}</span>` : html`<${Leaf} value=${value} />`}</div>`
    : html`<details open=${isOpen} ontoggle=${(event) => { event.stopPropagation(); setOpen(event.target.open); }}>
        <summary>${label}<span class="soft">${Array.isArray(inner) ? `[${size}]` : `{${size}}`}</span></summary>
        ${isOpen && html`<${Children} value=${inner} />`}
      </details>`;
  return root ? html`<div class="tree">${body}</div>` : html`<li>${body}</li>`;
}

// The value as JSON text, with the numbers as they came.
export function Text({ value, label = "Value as JSON" }) {
  return html`<${Editor} value=${stringify(value, 2)} language="json" readOnly=${true} label=${label} />`;
}

// Cells

function Cell({ value }) {
  if (value === undefined) return null;
  if (escapeOf(value) === "@ref") return html`<${RefLink} value=${value} />`;
  const kind = typeof value === "string" ? "string-cell" : isLosslessNumber(value) ? "number" : value === null || typeof value === "boolean" ? "number" : escapeOf(value) ? "time" : "";
  const text = cellText(value);
  return html`<span class=${kind} title=${text.length > 40 ? text.slice(0, 1000) : undefined}>${text.length > CELL ? `${text.slice(0, CELL)}…` : text}</span>`;
}

function cellText(value) {
  // Do not write out a large value just for its first hundred characters.
  if (typeof value === "string") return value.length > 1000 ? value.slice(0, 1000) : value;
  if (Array.isArray(value) && value.length > 20) return `${short(value.slice(0, 20)).slice(0, -1)}, … ${value.length} items]`;
  if (isObject(value) && escapeOf(value) === null && Object.keys(value).length > 20) return `{… ${Object.keys(value).length} fields}`;
  return short(value);
}

const rowsOf = (value) => (Array.isArray(value) ? value : isObject(value) && Array.isArray(membersOf(value).data) ? membersOf(value).data : [value]);

// The paths of the columns for rows: the members of objects, and for a document also the members of its data. A row that is
// not an object has the column [].
export function columnsOf(rows) {
  const found = new Map();
  const note = (path) => found.set(path.join("\u0000"), path);
  for (const row of rows) {
    if (!isObject(row) || (escapeOf(row) && escapeOf(row) !== "@obj")) { note([]); continue; }
    for (const [key, value] of Object.entries(membersOf(row))) {
      if (key === "data" && "ref" in row && isObject(value) && [null, "@obj"].includes(escapeOf(value))) Object.keys(membersOf(value)).forEach((field) => note(["data", field]));
      else note([key]);
    }
  }
  return [...found.values()];
}

export const columnLabel = (path) => (path.length === 0 ? "value" : (path[0] === "data" && path.length > 1 ? path.slice(1) : path).join("."));
const cellOf = (row, path) => (path.length ? at(row, path) : row);

// A table of rows. marks: class names by row. first: gives the content of an extra first cell.
export function Table({ rows, columns = columnsOf(rows), label, marks = () => "", first, head = {} }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table>
      <thead><tr>${first && html`<th scope="col" class="first">${first.title}</th>`}${columns.map((path) => html`<th scope="col" key=${path.join(".")}>${head[path.join(".")] ?? columnLabel(path)}</th>`)}</tr></thead>
      <tbody>${rows.map((row, index) => html`<tr key=${row?.ref ? `${readRef(row.ref).id}` : index} class=${marks(row)}>
        ${first && html`<td class="first">${first.cell(row, index)}</td>`}${columns.map((path) => html`<td key=${path.join(".")}><${Cell} value=${cellOf(row, path)} /></td>`)}
      </tr>`)}</tbody>
    </table>
  </div>`;
}

// A value in the chosen view: tree, table or text.
export function Value({ value, shape, label }) {
  if (shape === "table") return html`<${Table} rows=${rowsOf(value)} label=${label} />`;
  if (shape === "text") return html`<${Text} value=${value} label=${label} />`;
  return html`<${Tree} value=${value} open=${true} root=${true} />`;
}

// Files

const csvField = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function csvLines(rows, columns) {
  return rows.map((row) => `${columns.map((path) => { const value = cellOf(row, path); return value === undefined || value === null ? "" : csvField(csvText(value)); }).join(",")}\r\n`);
}

function csvText(value) {
  const escape = escapeOf(value);
  if (escape === "@ref") { const { id, name } = readRef(value); return id ?? name ?? short(value); }
  if (["@ts", "@date", "@bytes", "@uuid"].includes(escape)) return value[escape];
  return short(value);
}

export const csvHead = (columns) => `${columns.map((path) => csvField(columnLabel(path))).join(",")}\r\n`;
