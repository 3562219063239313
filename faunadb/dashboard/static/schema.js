// The schema of this database, as far as the secret may see it: loaded once, and again after every change.

import { value } from "./api.js";
import { KINDS, get, map, paginate, quote, readRef, variable } from "./fql.js";
import { createContext, useContext } from "./vendor/view.js";

export const SchemaContext = createContext(null);
// {collections: [name], indexes: [definition], ..., denied: {kind: error}, reload}
export const useSchema = () => useContext(SchemaContext);

const PAGE = 1000;

// All elements of a set, read page by page. expr: if given, maps each element, over the variable x.
export async function everything(set, expr, signal) {
  const found = [];
  for (let cursor = {}; ;) {
    const page = paginate(set, { size: PAGE, ...cursor });
    const { data, after } = await value(expr ? map(page, "x", expr) : page, { signal });
    found.push(...data);
    if (after === undefined) return found;
    cursor = { after: quote(after) };
  }
}

export async function loadSchema(signal) {
  const denied = {};
  const load = async (kind) => {
    try {
      return await everything({ [kind]: null }, kind === "indexes" ? get(variable("x")) : undefined, signal);
    } catch (error) {
      if (signal.aborted || error.status === 401) throw error;
      denied[kind] = error;
      return [];
    }
  };
  const kinds = Object.keys(KINDS);
  const found = Object.fromEntries(await Promise.all(kinds.map(async (kind) => [kind, await load(kind)])));
  const names = (refs) => refs.map((ref) => readRef(ref).name).sort((a, b) => a.localeCompare(b));
  const schema = { denied, indexes: found.indexes.sort((a, b) => a.name.localeCompare(b.name)) };
  for (const kind of kinds) if (kind !== "indexes") schema[kind] = names(found[kind]);
  return schema;
}

// The names for completion.
export const namesOf = (schema) => ({ ...schema, indexes: schema?.indexes?.map((index) => index.name) });

const listOf = (given) => (given === undefined || given === null ? [] : Array.isArray(given) ? given : [given]);

// The sources of an index: [{collection: name or "_", fields: {binding: query}}].
export const sourcesOf = (index) => listOf(index.source).map((source) => {
  const inner = source["@ref"] || source === "_" ? { collection: source } : source;
  return { collection: inner.collection === "_" ? "_" : readRef(inner.collection).name, fields: inner.fields ?? {} };
});

export const covers = (index, name) => sourcesOf(index).some((source) => source.collection === name || source.collection === "_");
// Whether an index has the entries of one collection and of nothing else.
export const isOf = (index, name) => { const sources = sourcesOf(index); return sources.length === 1 && sources[0].collection === name; };

export const fieldPath = (entry) => (entry.field === undefined ? null : listOf(entry.field).map((part) => part?.value ?? part));
export const fieldText = (entry) => (entry.binding !== undefined ? entry.binding : fieldPath(entry).join("."));
export const termsOf = (index) => listOf(index.terms);
export const valuesOf = (index) => listOf(index.values);

// A function from an entry of an index to the expression for its document's ref; null when entries do not contain the ref.
export function refOfEntry(index, entry) {
  const values = valuesOf(index);
  if (!values.length) return entry;
  const place = values.findIndex((item) => fieldPath(item)?.join(".") === "ref");
  if (place < 0) return null;
  return values.length === 1 ? entry : { select: [place], from: entry };
}
