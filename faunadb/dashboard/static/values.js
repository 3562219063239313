// Results as trees, tables and text.

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const ESCAPES = ["@ref", "@ts", "@date", "@bytes", "@uuid", "@set", "@query"];

function escapeOf(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const keys = Object.keys(value);
  return keys.length === 1 && (ESCAPES.includes(keys[0]) || keys[0] === "@obj") ? keys[0] : null;
}

// A reference as one would write it.
export function refText(ref) {
  const inner = ref["@ref"] || ref;
  if (typeof inner === "string") return inner;
  if (!inner.collection) return `${inner.id}()`;
  const owner = inner.collection["@ref"] || inner.collection;
  const kinds = { collections: "Collection", indexes: "Index", functions: "Function", roles: "Role", databases: "Database", access_providers: "AccessProvider" };
  if (!owner.collection && kinds[owner.id]) return `${kinds[owner.id]}(${JSON.stringify(inner.id)})`;
  return `Ref(${refText(inner.collection)}, ${JSON.stringify(inner.id)})`;
}

export function short(value) {
  const escape = escapeOf(value);
  if (escape === "@ref") return refText(value);
  if (escape === "@obj") return short(value["@obj"]);
  if (escape === "@ts") return `Time(${JSON.stringify(value["@ts"])})`;
  if (escape === "@date") return `Date(${JSON.stringify(value["@date"])})`;
  if (escape) return JSON.stringify(value[escape]);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function leaf(value) {
  if (typeof value === "string") return element("span", { class: "s" }, JSON.stringify(value));
  if (typeof value === "number") return element("span", { class: "n" }, String(value));
  return element("span", { class: "l" }, String(value));
}

export function tree(value, label = null, open = true) {
  const name = label === null ? null : element("span", { class: "k" }, `${label}: `);
  const escape = escapeOf(value);
  if (escape === "@obj") return tree(value["@obj"], label, open);
  if (escape && escape !== "@set" && escape !== "@query") {
    return element("div", { class: "node" }, name, element("span", { class: "l" }, short(value)));
  }
  if (value === null || typeof value !== "object") return element("div", { class: "node" }, name, leaf(value));
  const entries = Array.isArray(value) ? value.map((item, index) => [index, item]) : Object.entries(value);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const summary = element("summary", {}, name, element("span", { class: "soft" }, size));
  const details = element("details", { class: "node", open }, summary);
  const fill = () => {
    if (details.childElementCount > 1) return;
    details.append(...entries.map(([key, item]) => tree(item, key, entries.length <= 20)));
  };
  // Closed branches are built when opened, so that large results stay light.
  if (open) fill();
  details.addEventListener("toggle", fill);
  return details;
}

function rowsOf(value) {
  if (Array.isArray(value)) return value;
  if (value && typeof value === "object" && Array.isArray(value.data)) return value.data;
  return [value];
}

function flat(row) {
  if (row === null || typeof row !== "object" || Array.isArray(row) || escapeOf(row)) return { value: row };
  const { data, ...rest } = row;
  if (data === null || typeof data !== "object" || Array.isArray(data) || escapeOf(data)) return row;
  return { ...rest, ...Object.fromEntries(Object.entries(data).map(([key, item]) => [`data.${key}`, item])) };
}

// A table of documents, or of whatever a page or array holds. onOpen gets a row's reference when it is pressed.
export function table(value, onOpen = null) {
  const rows = rowsOf(value).map(flat);
  const columns = [...new Set(rows.flatMap(Object.keys))];
  const cell = (column, item) => {
    if (item === undefined) return element("td");
    if (onOpen && item && item["@ref"] && (column === "ref" || column === "value")) {
      return element("td", {}, element("button", { type: "button", onclick: () => onOpen(item) }, short(item)));
    }
    return element("td", {}, short(item));
  };
  const head = element("tr", {}, ...columns.map((column) => element("th", { scope: "col" }, column)));
  const body = rows.map((row) => element("tr", {}, ...columns.map((column) => cell(column, row[column]))));
  return element("div", { class: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
}

export function show(value, shape, onOpen) {
  if (shape === "table") return table(value, onOpen);
  if (shape === "json") return element("pre", {}, JSON.stringify(value, null, 2));
  return tree(value);
}
