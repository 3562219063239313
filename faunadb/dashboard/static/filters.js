// Filters of a collection's documents, and how to find what they mean: by id, through an index, or by a scan.

import { expression } from "./api.js";
import { document, documents, get, lambda, literal, select, variable } from "./fql.js";
import { parse } from "./json.js";
import { fieldPath, isOf, refOfEntry, termsOf, valuesOf } from "./schema.js";

export const OPERATORS = {
  equals: "=", differs: "≠", less: "<", most: "≤", more: ">", least: "≥", contains: "contains", starts: "starts with", exists: "is there", missing: "is not there",
};
export const NEEDS_VALUE = (op) => !["exists", "missing"].includes(op);
export const ANY_FIELD = "*";

// The value that a typed text means: JSON, an FQL call, or else the text itself.
export async function typed(text) {
  const trimmed = text.trim();
  try { return literal(parse(trimmed)); } catch { /* it is no JSON */ }
  if (/^(q\.)?\w+\s*\(.*\)$/s.test(trimmed)) return expression(trimmed);
  return text;
}

// Field names begin with data., except those of the document itself.
export function pathOf(field) {
  const parts = field.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return ["data", "ref", "ts", "ttl"].includes(parts[0]) ? parts : ["data", ...parts];
}

const is = (path, entry) => fieldPath(entry)?.map(String).join(".") === path.map(String).join(".") && !entry.transform;

// The indexes that can sort a collection.
export const orders = (indexes, name) => indexes.filter((index) => index.active && isOf(index, name) && !termsOf(index).length && valuesOf(index).length && refOfEntry(index, "") !== null);

// The plan for a filter {field, op, value}: {how, index, set, ref(entry), test, holds}. test, holds: expressions over the
// variable d, a document. Without test, the set has exactly the documents that are meant. A document belongs to them where
// holds is true, or if there is no holds.
export async function plan({ field, op, value }, { name, indexes, order, reverse }) {
  if (field === "id" && op === "equals") return { how: "Reads one document by its id.", id: value.trim() };
  const filtered = field ? await filterPlan(field, op, value, name, indexes) : null;
  if (filtered?.index) return filtered;
  const index = order && orders(indexes, name).find((each) => each.name === order);
  const set = index ? { match: { index: index.name } } : documents(name);
  const base = { set: reverse ? { reverse: set } : set, ref: index ? (entry) => refOfEntry(index, entry) : (entry) => entry };
  const sorted = index ? ` in the order of index ${index.name}` : "";
  if (!filtered) return { ...base, how: index ? `Reads${sorted}.` : "" };
  return { ...base, test: filtered.test, holds: filtered.test, scans: true, how: `Scans the whole collection${sorted}: ${filtered.why}.` };
}

async function filterPlan(field, op, text, name, indexes) {
  if (field === "id") return { test: await test([], op, text, "id"), why: "ids are looked up only when they are whole" };
  if (field === ANY_FIELD) return { test: await test([], "contains", text, "any"), why: "any field may hold the text" };
  const path = pathOf(field);
  const usable = indexes.filter((index) => index.active && isOf(index, name) && refOfEntry(index, "") !== null);
  if (op === "equals") {
    const index = usable.find((each) => termsOf(each).length === 1 && is(path, termsOf(each)[0]));
    if (index) return through(index, { match: { index: index.name }, terms: await typed(text) }, await test(path, op, text));
  }
  if (["equals", "most", "least"].includes(op)) {
    const index = usable.find((each) => !termsOf(each).length && valuesOf(each).length && is(path, valuesOf(each)[0]) && !valuesOf(each)[0].reverse);
    const bound = index && [await typed(text)];
    if (index) return through(index, { range: { match: { index: index.name } }, from: op === "most" ? [] : bound, to: op === "least" ? [] : bound }, await test(path, op, text));
  }
  return { test: await test(path, op, text), why: `no index leads from ${path.join(".")} to its documents` };
}

const through = (index, set, holds) => ({ how: `Uses index ${index.name}.`, index, set, holds, ref: (entry) => refOfEntry(index, entry) });

// The condition for a document, as an expression over the variable d.
async function test(path, op, text, special) {
  const doc = variable("d");
  if (special === "any") return { containsstr: { casefold: { format: "%@", values: [select(["data"], doc, null)] } }, search: { casefold: text } };
  const found = special === "id" ? select(["id"], select(["ref"], doc)) : select(path, doc, null);
  const kind = variable("v");
  const over = (expr) => ({ let: [{ v: found }], in: expr });
  if (op === "exists") return { not: { is_null: found } };
  if (op === "missing") return { is_null: found };
  if (op === "contains" || op === "starts") {
    const form = op === "contains" ? "containsstr" : "startswith";
    const inText = { [form]: { casefold: kind }, search: { casefold: text } };
    const inArray = op === "contains" ? { if: { is_array: kind }, then: { contains_value: await typed(text), in: kind }, else: false } : false;
    return over({ if: { is_string: kind }, then: inText, else: inArray });
  }
  const wanted = special === "id" ? text : await typed(text);
  if (op === "equals") return { equals: [found, wanted] };
  if (op === "differs") return { not: { equals: [found, wanted] } };
  const form = { less: "lt", most: "lte", more: "gt", least: "gte" }[op];
  return over({ if: { is_null: kind }, then: false, else: { [form]: [kind, wanted] } });
}

// The query for a page of documents: those that a plan finds from a cursor on.
export function pageQuery(found, options) {
  const page = { paginate: found.set, ...options };
  const each = { map: lambda("e", { let: [{ r: found.ref(variable("e")) }], in: get(variable("r")) }), collection: page };
  return found.test ? { filter: lambda("d", found.test), collection: each } : each;
}

export const oneQuery = (name, id) => get(document(name, id));
