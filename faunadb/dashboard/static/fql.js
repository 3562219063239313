// Queries as wire JSON, and refs.

import { escapeOf, stringify } from "./json.js";

export const quote = (value) => ({ quote: value });
export const object = (members) => ({ object: members });
export const variable = (name) => ({ var: name });
export const lambda = (name, expr) => ({ lambda: name, expr });
export const select = (path, from, ...rest) => ({ select: path, from, ...(rest.length ? { default: rest[0] } : {}) });
export const collection = (name) => ({ collection: name });
export const documents = (name) => ({ documents: collection(name) });
export const document = (name, id) => ({ ref: collection(name), id });
export const paginate = (set, options = {}) => ({ paginate: set, ...options });
export const map = (source, name, expr) => ({ map: lambda(name, expr), collection: source });
export const get = (ref) => ({ get: ref });

// The expression for a value: plain objects are wrapped, escapes and everything else stay as they are.
export function literal(value) {
  if (Array.isArray(value)) return value.map(literal);
  if (value === null || typeof value !== "object" || "isLosslessNumber" in value) return value;
  const escape = escapeOf(value);
  if (escape === "@ref") return refCall(value);
  if (escape && escape !== "@obj") return escape === "@set" || escape === "@query" ? quote(value) : value;
  const members = escape ? value["@obj"] : value;
  return object(Object.fromEntries(Object.entries(members).map(([key, item]) => [key, literal(item)])));
}

// The kinds of schema items. one: the form that names an item; call: its JavaScript name. create: the form that creates one.
export const KINDS = {
  collections: { one: "collection", title: "Collections", create: "create_collection", call: "Collection" },
  indexes: { one: "index", title: "Indexes", create: "create_index", call: "Index" },
  functions: { one: "function", title: "Functions", create: "create_function", call: "Function" },
  roles: { one: "role", title: "Roles", create: "create_role", call: "Role" },
  keys: { one: "key", title: "Keys", create: "create_key" },
  tokens: { one: "token", title: "Tokens" },
  access_providers: { one: "access_provider", title: "Access providers", create: "create_access_provider", call: "AccessProvider" },
  databases: { one: "database", title: "Databases", create: "create_database", call: "Database" },
};
const NUMBERED = ["keys", "tokens", "credentials"];

// The expression for a schema item by its kind and its name (keys and tokens: id).
export const item = (kind, name) => (NUMBERED.includes(kind) ? { ref: { [kind]: null }, id: name } : { [KINDS[kind].one]: name });

// The parts of a ref: {kind, name} of a schema item, or {collection, id} of a document; path: names of databases below this.
export function readRef(value) {
  const inner = value["@ref"];
  if (inner === null || typeof inner !== "object") return { text: String(inner) };
  const owner = inner.collection?.["@ref"];
  const path = databaseOf(inner.database ?? owner?.database);
  if (!owner) return { kind: inner.id, path };
  if (!owner.collection) return { kind: owner.id, name: inner.id, path };
  return { collection: owner.id, id: inner.id, path };
}

function databaseOf(ref) {
  if (!ref) return [];
  const inner = ref["@ref"] ?? ref;
  return [...databaseOf(inner.database), inner.id];
}

// A ref as the call that makes it.
export function refText(value) {
  const { kind, name, collection: owner, id, text, path } = readRef(value);
  const scope = (path ?? []).reduce((outer, each) => `Database(${JSON.stringify(each)}${outer && `, ${outer}`})`, "");
  const last = scope && `, ${scope}`;
  if (text !== undefined) return `Ref(${JSON.stringify(text)})`;
  if (owner !== undefined) return `Ref(Collection(${JSON.stringify(owner)}${last}), ${JSON.stringify(id)})`;
  if (name === undefined) return `${KINDS[kind]?.title.replace(/ p/, "P") ?? kind}(${scope})`;
  if (KINDS[kind]?.call) return `${KINDS[kind].call}(${JSON.stringify(name)}${last})`;
  return `Ref(${kind[0].toUpperCase()}${kind.slice(1)}(${scope}), ${JSON.stringify(name)})`;
}

function refCall(value) {
  const { kind, name, collection: owner, id, path } = readRef(value);
  if (path === undefined || path.length) return value;
  if (owner !== undefined) return document(owner, id);
  if (name === undefined || !(kind in KINDS || NUMBERED.includes(kind))) return value;
  return item(kind, name);
}

// A value as FQL on one line.
export function short(value) {
  const escape = escapeOf(value);
  if (escape === "@ref") return refText(value);
  if (escape === "@obj") return short(value["@obj"]);
  if (escape === "@ts") return `Time(${JSON.stringify(value["@ts"])})`;
  if (escape === "@date") return `Date(${JSON.stringify(value["@date"])})`;
  if (escape === "@bytes") return `Bytes(${JSON.stringify(value["@bytes"])})`;
  return typeof value === "string" ? value : stringify(value);
}
