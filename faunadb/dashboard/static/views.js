// What the main panel shows: a collection's documents, an index's entries, a function, a role, a key, a document.

import { query, stream, translate, value } from "./api.js";
import { element, refText, short, table, tree } from "./values.js";

const PAGE = 20;
let closeLive = null;

export function stopLive() {
  if (closeLive) closeLive();
  closeLive = null;
}

function live(expression, place) {
  stopLive();
  const list = element("div", { class: "events", role: "log", "aria-label": "Live events" });
  const stop = element("button", { type: "button", onclick: () => { stopLive(); stop.disabled = true; } }, "Stop");
  place.replaceChildren(element("div", { class: "row" }, element("span", { class: "status" }, "Live"), stop), list);
  const add = (text, cls = "") => list.prepend(element("div", { class: cls }, text));
  closeLive = stream(expression,
    (event) => add(`${event.type} ${event.type === "start" ? "" : JSON.stringify(event.event)}`),
    (error) => { add(error ? error.message : "closed", error ? "error" : "soft"); stop.disabled = true; });
}

function heading(text) {
  return element("h2", {}, text);
}

// A page of something with buttons for the neighbouring pages. build(cursor) gives the query, draw(page) its picture.
async function paged(place, build, draw, cursor = {}) {
  const page = await value(build({ size: PAGE, ...cursor }));
  const go = (next) => () => paged(place, build, draw, next);
  const button = (label, side) => element("button", {
    type: "button", disabled: page[side] === undefined, onclick: go({ [side]: { quote: page[side] } }),
  }, label);
  const shown = page.data.length ? draw(page) : element("p", { class: "soft" }, "Nothing here.");
  place.replaceChildren(shown, element("div", { class: "row" }, button("← Previous", "before"), button("Next →", "after")));
}

const got = (page) => ({ map: { lambda: "x", expr: { get: { var: "x" } } }, collection: page });

export async function collection(view, name) {
  const set = { documents: { collection: name } };
  const rows = element("div");
  const events = element("div");
  const count = element("button", { type: "button", onclick: async () => {
    count.textContent = `${await value({ count: set })} documents`;
  } }, "Count");
  const go = element("button", { type: "button", onclick: () => live(set, events) }, "Watch live");
  view.replaceChildren(heading(`Collection ${name}`), element("div", { class: "row" }, count, go), rows, events);
  await paged(rows, (options) => got({ paginate: set, ...options }), (page) => table(page, (ref) => openDocument(view, ref)));
}

export async function openDocument(view, ref) {
  const literal = { quote: ref };
  const versions = element("div");
  const events = element("div");
  const history = element("button", { type: "button", onclick: () =>
    paged(versions, (options) => ({ paginate: { events: literal }, ...options }), (page) => table(page)) }, "History");
  const go = element("button", { type: "button", onclick: () => live(literal, events) }, "Watch live");
  const { value: document } = await query({ get: literal });
  view.replaceChildren(heading(refText(ref)), element("div", { class: "row" }, history, go), tree(document), versions, events);
}

export async function index(view, name) {
  const definition = await value({ get: { index: name } });
  const rows = element("div");
  const terms = element("input", { id: "terms", size: "30", placeholder: '"fire" or ["a", 1]', spellcheck: "false" });
  const error = element("p", { class: "error", role: "alert" });
  const show = async (match) => {
    error.textContent = "";
    try {
      await paged(rows, (options) => ({ paginate: match, ...options }), (page) => table(page, (ref) => openDocument(view, ref)));
    } catch (problem) {
      error.textContent = problem.message;
    }
  };
  const submit = async (event) => {
    event.preventDefault();
    if (!terms.value.trim()) return show({ match: { index: name } });
    try {
      const [wire] = await translate(terms.value);
      await show({ match: { index: name }, terms: wire });
    } catch (problem) {
      error.textContent = problem.message;
    }
  };
  const form = element("form", { class: "row", onsubmit: submit }, element("label", { for: "terms" }, "Terms"), terms, element("button", { type: "submit" }, "Look up"));
  const fields = element("details", {}, element("summary", {}, definition.active ? "Definition" : "Definition (being built)"), tree(definition));
  view.replaceChildren(heading(`Index ${name}`), fields, definition.terms ? form : "", error, rows);
  if (!definition.terms) await show({ match: { index: name } });
}

export async function schemaItem(view, label, ref) {
  view.replaceChildren(heading(`${label} ${short(ref)}`), tree(await value({ get: { quote: ref } })));
}

export async function overview(view) {
  const names = ["databases", "collections", "indexes", "functions", "roles", "keys"];
  const counts = await Promise.all(names.map(async (name) => {
    try {
      return [name, await value({ count: { [name]: null } })];
    } catch (problem) {
      return [name, problem.message];
    }
  }));
  view.replaceChildren(heading("This database"), table(counts.map(([name, count]) => ({ kind: name, count }))));
}
