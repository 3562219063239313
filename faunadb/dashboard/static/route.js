// The address of what is shown stands behind the #: #/collections/spells/101?db=child/grandchild&tab=history
// Every view is a link, and Back goes to the one before.

import { session } from "./api.js";

export function parseHash(hash = location.hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const query = new URLSearchParams(search);
  const database = (query.get("db") || "").split("/").filter(Boolean);
  query.delete("db");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query, database };
}

// The link to a view. parts: its path; query: what else; database: of the present one if not given.
export function link(parts, query = {}, database = session.path) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== ""));
  if (database.length) search.set("db", database.join("/"));
  const text = search.toString().replaceAll("%2F", "/");
  return `#/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export const go = (...place) => { location.hash = link(...place); };

// Change what stands behind the question mark of this view. replace: without a step of Back.
export function change(changes, replace = false) {
  const { parts, query } = parseHash();
  const target = link(parts, { ...Object.fromEntries(query), ...changes });
  if (!replace) { location.hash = target; return; }
  history.replaceState(null, "", target);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
