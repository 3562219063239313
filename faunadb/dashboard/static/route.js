// The address of a view is the part after the #: #/collections/spells/101?db=child/grandchild&tab=history
// So every view can be linked to, and Back leads to the view before.

import { session } from "./api.js";

export function parseHash(hash = location.hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const query = new URLSearchParams(search);
  const database = (query.get("db") || "").split("/").filter(Boolean);
  query.delete("db");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query, database };
}

// The link to a view. parts: its path; query: its other parameters; database: by default the current one.
export function link(parts, query = {}, database = session.path) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== ""));
  if (database.length) search.set("db", database.join("/"));
  const text = search.toString().replaceAll("%2F", "/");
  return `#/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export const go = (...place) => { location.hash = link(...place); };

// Change the parameters of this view (after the ?). replace: without a new entry in the browser's history.
export function change(changes, replace = false) {
  const { parts, query } = parseHash();
  const target = link(parts, { ...Object.fromEntries(query), ...changes });
  if (!replace) { location.hash = target; return; }
  history.replaceState(null, "", target);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
