// Schema items: their lists, and the view of one item.

import { builds, query, session, value as ask } from "./api.js";
import { KINDS, get, item, readRef, short, variable } from "./fql.js";
import { go, link } from "./route.js";
import { everything, fieldText, sourcesOf, termsOf, useSchema, valuesOf } from "./schema.js";
import { isObject } from "./json.js";
import { Busy, Button, Confirm, Empty, Problem, announce, useLoaded } from "./ui.js";
import { RefLink, Tree } from "./values.js";
import { Lookup } from "./lookup.js";
import { FqlView } from "./fqlview.js";
import { html, useEffect, useState } from "./vendor/view.js";

// Milliseconds between two queries for the progress of an index.
const LOOK = 1000;

const SENTENCES = {
  collections: "A collection holds documents.",
  indexes: "An index finds documents by what is in them, and sorts them.",
  functions: "A function is a query that is kept here, and called by name.",
  roles: "A role says what keys, tokens and documents may do.",
  keys: "A key is a secret for a program: it opens this database with a role.",
  tokens: "A token is a secret for one document, usually a user: Login makes them.",
  access_providers: "An access provider lets somebody else's JSON web tokens in.",
  databases: "A database may have databases inside it, each with its own collections and keys.",
};

// Whether forms.js has a form for a kind.
const hasForm = (kind) => !["tokens", "access_providers"].includes(kind);
const one = (kind) => KINDS[kind].title.replace(/ies$/, "y").replace(/xes$/, "x").replace(/s$/, "");
const nameOf = (kind, doc) => doc.name ?? readRef(doc.ref).name;

export const fieldsText = (entries) => entries.map((entry) => `${fieldText(entry)}${entry.reverse ? " ↓" : ""}${entry.transform ? ` (${entry.transform})` : ""}`).join(", ");
const roleText = (role) => (role === undefined ? "" : Array.isArray(role) ? role.map(roleText).join(", ") : typeof role === "string" ? role : short(role));

const COLUMNS = {
  collections: { "history days": (doc) => (doc.history_days === null || doc.history_days === undefined ? "all" : doc.history_days.value), "documents live": (doc) => (doc.ttl_days ? `${doc.ttl_days.value} days` : "for ever") },
  indexes: {
    source: (doc) => sourcesOf(doc).map((source) => (source.collection === "_" ? "all collections" : source.collection)).join(", "),
    terms: (doc) => fieldsText(termsOf(doc)), values: (doc) => fieldsText(valuesOf(doc)) || "ref",
    unique: (doc) => (doc.unique ? "yes" : ""), state: (doc) => html`<${Built} index=${doc} />`,
  },
  functions: { role: (doc) => roleText(doc.role) },
  roles: { privileges: (doc) => (doc.privileges ? [doc.privileges].flat().length : 0), members: (doc) => [doc.membership ?? []].flat().map((each) => short(each.resource)).join(", ") },
  keys: { name: (doc) => doc.data?.name ?? "", role: (doc) => roleText(doc.role), database: (doc) => doc.database && html`<${RefLink} value=${doc.database} />`, expires: (doc) => doc.ttl?.["@ts"] ?? "" },
  tokens: { document: (doc) => doc.instance && html`<${RefLink} value=${doc.instance} />`, expires: (doc) => doc.ttl?.["@ts"] ?? "" },
  access_providers: { issuer: (doc) => doc.issuer, audience: (doc) => doc.audience },
  databases: { "global id": (doc) => doc.global_id ?? "" },
};

export function List({ kind }) {
  const { reload } = useSchema();
  const { value: found, error, again } = useLoaded((signal) => everything({ [kind]: null }, get(variable("x")), signal), [kind, session.path.join("/")]);
  const [deleting, setDeleting] = useState(null);
  const { title } = KINDS[kind];
  return html`<article>
    <header class="view-head"><h1>${title}</h1><span class="grow"></span>${hasForm(kind) && html`<a class="button primary" data-key="c" href=${link(["create", kind])}>New ${one(kind).toLowerCase()}</a>`}</header>
    <p class="soft">${SENTENCES[kind]}</p>
    ${error ? html`<${Problem} error=${error} what=${`list ${title.toLowerCase()}`} again=${again} />`
      : !found ? html`<${Busy} />`
      : !found.length ? html`<${Empty} title=${`There are no ${title.toLowerCase()} here.`}>${hasForm(kind) ? html`<p><a class="button" href=${link(["create", kind])}>New ${one(kind).toLowerCase()}</a></p>` : html`<p>${kind === "tokens" ? "Login(document, {password: …}) makes one." : "CreateAccessProvider makes one, in the query editor."}</p>`}<//>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label=${title}><table>
          <thead><tr><th scope="col">${kind === "keys" || kind === "tokens" ? "id" : "name"}</th>${Object.keys(COLUMNS[kind]).map((column) => html`<th scope="col">${column}</th>`)}<th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
          <tbody>${found.map((doc) => html`<tr key=${nameOf(kind, doc)}>
            <td><a href=${kind === "databases" ? link([], {}, [...session.path, doc.name]) : link([kind, nameOf(kind, doc)])}>${nameOf(kind, doc)}</a></td>
            ${Object.values(COLUMNS[kind]).map((cell) => html`<td>${cell(doc)}</td>`)}
            <td class="actions">${hasForm(kind) && html`<a class="button small" href=${link(["edit", kind, nameOf(kind, doc)])} aria-label=${`Edit ${nameOf(kind, doc)}`}>Edit</a>`}
            <${Button} kind="small danger" aria-label=${`Delete ${nameOf(kind, doc)}`} onclick=${() => setDeleting(doc)}>Delete<//></td>
          </tr>`)}</tbody></table></div>`}
    ${deleting && html`<${Remove} kind=${kind} name=${nameOf(kind, deleting)} onClose=${() => setDeleting(null)} onDone=${() => { setDeleting(null); reload(); again(); }} />`}
  </article>`;
}

const CONSEQUENCES = {
  collections: "All its documents, their history and the indexes over it go with it.", indexes: "Queries that use it will fail.",
  functions: "Queries that call it will fail.", roles: "Whoever has this role alone may do nothing any more.", keys: "Programs with this key's secret are shut out at once.",
  tokens: "Whoever holds it is logged out at once.", access_providers: "Its tokens open nothing any more.", databases: "Everything in it goes with it: collections, documents, keys, databases.",
};

export function Remove({ kind, name, onClose, onDone }) {
  const wire = { delete: item(kind, name) };
  const typed = ["collections", "databases"].includes(kind) ? name : undefined;
  return html`<${Confirm} title=${`Delete ${one(kind).toLowerCase()} ${name}?`} wire=${wire} typed=${typed} action=${() => ask(wire)} onClose=${onClose} onDone=${() => { announce(`${name} is deleted`); onDone(); }}>
    <p>${CONSEQUENCES[kind]} This cannot be taken back.</p>
  <//>`;
}

// Whether an index is built, and its progress if not.
export function Built({ index, onBuilt }) {
  const [state, setState] = useState(null);
  useEffect(() => {
    if (index.active) return undefined;
    const look = async () => {
      const found = await builds().catch(() => ({}));
      setState(found[index.name] ?? null);
      if (!(index.name in found)) onBuilt?.();
    };
    look();
    const timer = setInterval(look, LOOK);
    return () => clearInterval(timer);
  }, [index.active, index.name]);
  if (index.active) return html`<span class="badge good">built</span>`;
  return html`<span class="badge changed">being built</span>${state && html` <progress value=${state.done} max=${state.total ?? undefined} aria-label=${`Build of ${index.name}`}></progress> <span class="soft">${state.done.toLocaleString()}${state.total ? ` of ${state.total.toLocaleString()}` : ""} documents</span>`}`;
}

// One item

export function Item({ kind, name }) {
  const { reload } = useSchema();
  const { value: doc, error, again } = useLoaded((signal) => query(get(item(kind, name)), { signal }).then((found) => found.value), [kind, name]);
  const [deleting, setDeleting] = useState(false);
  if (error) return html`<article><h1>${name}</h1><${Problem} error=${error} what=${`read this ${one(kind).toLowerCase()}`} again=${again} /></article>`;
  if (!doc) return html`<${Busy} />`;
  return html`<article>
    <header class="view-head"><div><p class="kind"><a href=${link([kind])}>${one(kind)}</a></p><h1>${kind === "keys" ? doc.data?.name ?? name : name}</h1></div><span class="grow"></span>
      ${kind === "functions" && html`<a class="button" href=${link(["query"], { text: `Call(${JSON.stringify(name)})` })}>Call</a>`}
      ${hasForm(kind) && html`<a class="button" data-key="e" href=${link(["edit", kind, name])}>Edit</a>`}
      <${Button} kind="danger" onclick=${() => setDeleting(true)}>Delete<//>
    </header>
    <${Body} kind=${kind} doc=${doc} again=${() => { again(); reload(); }} />
    ${deleting && html`<${Remove} kind=${kind} name=${name} onClose=${() => setDeleting(false)} onDone=${() => { reload(); go([kind]); }} />`}
  </article>`;
}

function Body({ kind, doc, again }) {
  if (kind === "indexes") return html`<p><${Built} index=${doc} onBuilt=${again} /></p><${IndexFacts} index=${doc} /><${Lookup} index=${doc} />`;
  if (kind === "functions") return html`<dl class="facts"><dt>Runs as</dt><dd>${doc.role === undefined ? "whoever calls it" : roleText(doc.role)}</dd></dl><h3>Body</h3><${FqlView} stored=${doc.body} label=${`Body of ${doc.name}`} />`;
  if (kind === "roles") return html`<${RoleFacts} role=${doc} />`;
  const { ref, ...rest } = doc;
  return html`<${Tree} value=${rest} open=${true} root=${true} />`;
}

function IndexFacts({ index }) {
  return html`<dl class="facts">
    <dt>Source</dt><dd>${sourcesOf(index).map((source) => (source.collection === "_" ? "all collections" : html`<a href=${link(["collections", source.collection])}>${source.collection}</a> `))}</dd>
    <dt>Terms</dt><dd>${fieldsText(termsOf(index)) || "none: it lists all"}</dd>
    <dt>Values</dt><dd>${fieldsText(valuesOf(index)) || "ref"}</dd>
    <dt>Unique</dt><dd>${index.unique ? "yes" : "no"}</dd><dt>Serialized</dt><dd>${index.serialized === false ? "no" : "yes"}</dd>
  </dl>
  ${sourcesOf(index).flatMap((source) => Object.entries(source.fields).map(([name, stored]) => html`<h3>Binding ${name}</h3><${FqlView} stored=${stored} label=${`Binding ${name}`} />`))}`;
}

function RoleFacts({ role }) {
  const privileges = [role.privileges ?? []].flat();
  const membership = [role.membership ?? []].flat();
  const actions = (each) => Object.entries(each.actions ?? {}).filter(([, allowed]) => allowed !== false);
  return html`<h3>Privileges</h3>
    ${privileges.length ? html`<ul class="plain">${privileges.map((each) => html`<li class="card"><p><b class="mono">${short(each.resource)}</b></p>
      <p>${actions(each).map(([name, allowed]) => html`<span class=${`badge ${isObject(allowed) ? "changed" : "good"}`}>${name}${isObject(allowed) ? " if" : ""}</span> `)}</p>
      ${actions(each).filter(([, allowed]) => isObject(allowed)).map(([name, allowed]) => html`<p class="soft">${name} if</p><${FqlView} stored=${allowed} label=${`Predicate of ${name}`} />`)}</li>`)}</ul>` : html`<p class="soft">None: it may do nothing.</p>`}
    <h3>Members</h3>
    ${membership.length ? html`<ul class="plain">${membership.map((each) => html`<li class="card"><p>Documents of <b class="mono">${short(each.resource)}</b>${each.predicate ? " if" : ""}</p>${each.predicate && html`<${FqlView} stored=${each.predicate} label="Predicate of membership" />`}</li>`)}</ul>` : html`<p class="soft">None: only keys can have this role.</p>`}`;
}
