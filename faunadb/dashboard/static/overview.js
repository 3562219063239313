// An overview of the database.

import { session } from "./api.js";
import { KINDS } from "./fql.js";
import { link } from "./route.js";
import { useSchema } from "./schema.js";
import { Built } from "./items.js";
import { html } from "./vendor/view.js";

export function Overview() {
  const schema = useSchema();
  const denied = Object.keys(schema.denied);
  const building = schema.indexes.filter((index) => !index.active);
  return html`<article>
    <header class="view-head"><div><p class="kind">Database</p><h1>${session.path.at(-1) ?? "top"}</h1></div></header>
    ${denied.length > 0 && html`<div class="notice denied"><p><b>This secret does not see everything.</b> It may not list ${denied.map((kind) => KINDS[kind].title.toLowerCase()).join(", ")}. A key with the role admin may.</p></div>`}
    <ul class="tiles">${Object.entries(KINDS).map(([kind, { title }]) => html`<li key=${kind}><a href=${link([kind])}><b>${schema.denied[kind] ? "–" : schema[kind].length.toLocaleString()}</b><span>${title}</span></a></li>`)}</ul>
    ${building.length > 0 && html`<h2>Indexes being built</h2><ul class="plain">${building.map((index) => html`<li key=${index.name}><a href=${link(["indexes", index.name])}>${index.name}</a> <${Built} index=${index} onBuilt=${schema.reload} /></li>`)}</ul>`}
    ${schema.collections.length ? html`<h2>Collections</h2><ul class="links">${schema.collections.slice(0, 60).map((name) => html`<li key=${name}><a href=${link(["collections", name])}>${name}</a></li>`)}</ul>`
      : !schema.denied.collections && html`<div class="empty"><p class="title">This database is empty.</p><p>Begin with a collection, then put documents into it.</p><p><a class="button primary" href=${link(["create", "collections"])}>New collection</a> <a class="button" href=${link(["query"])}>Write a query</a></p><p class="soft">To bring over an export of Fauna: <code>faunadb import DIR --into URL</code></p></div>`}
  </article>`;
}
