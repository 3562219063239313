// Forms that create and change schema items. Each shows the query it will run.

import { FaunaError, value as ask } from "./api.js";
import { Editor } from "./editor.js";
import { pathOf } from "./filters.js";
import { KINDS, get, item, literal, object, readRef } from "./fql.js";
import { FqlText, asQuery, useTexts } from "./fqltext.js";
import { escapeOf, isObject, parse, patchOf, stringify } from "./json.js";
import { fieldsText } from "./items.js";
import { go, link } from "./route.js";
import { sourcesOf, termsOf, useSchema, valuesOf } from "./schema.js";
import { Busy, Button, CopyButton, Dialog, Field, Fql, Problem, TextField, announce, useAction, useLoaded } from "./ui.js";
import { html, useMemo, useState } from "./vendor/view.js";

const ROLES = ["admin", "server", "server-readonly", "client"];
const NONE = [];
const one = (kind) => KINDS[kind].one.replace("_", " ");

export function Create({ kind }) {
  const Form = FORMS[kind];
  return Form ? html`<${Form} key=${kind} doc=${null} />` : html`<p>These are not made here.</p>`;
}

export function Edit({ kind, name }) {
  const { value: doc, error } = useLoaded((signal) => ask(get(item(kind, name)), { signal }), [kind, name]);
  if (error) return html`<${Problem} error=${error} what=${`change this ${one(kind)}`} />`;
  const Form = FORMS[kind];
  return doc && Form ? html`<${Form} key=${`${kind} ${name}`} doc=${doc} />` : html`<${Busy} />`;
}

// The frame of every form: fields, the query, the errors. params: null as long as something is missing.
function Frame({ kind, doc, params, children, onMade, error, setError, note }) {
  const { reload } = useSchema();
  const name = doc && (doc.name ?? readRef(doc.ref).name);
  const wire = params && (doc ? { update: item(kind, name), params: object(params) } : { [KINDS[kind].create]: object(params) });
  const nothing = doc && params && Object.keys(params).length === 0;
  const [save, { busy }] = useAction(async () => {
    try {
      const made = await ask(wire);
      setError(null);
      reload();
      announce(doc ? "Saved" : "Created");
      if (onMade) { onMade(made); return; }
      const called = made.name ?? readRef(made.ref).name;
      go(kind === "databases" ? ["databases"] : [kind, called]);
    } catch (problem) { setError(problem); }
  });
  const submit = (event) => { event.preventDefault(); if (wire && !nothing) save(); };
  return html`<article><form class="form" onsubmit=${submit}>
    <header class="view-head"><div><p class="kind"><a href=${link([kind])}>${KINDS[kind].title}</a></p><h1>${doc ? name : `New ${one(kind)}`}</h1></div></header>
    ${note}
    ${children}
    <${Problem} error=${error} what=${doc ? `change this ${one(kind)}` : `make a ${one(kind)}`} />
    ${wire && !nothing && html`<${Fql} wire=${wire} />`}
    <footer><a class="button" href=${link(doc && kind !== "databases" ? [kind, name] : [kind])}>Cancel</a>
    <${Button} type="submit" kind="primary" disabled=${busy || !wire || nothing}>${doc ? "Save" : "Create"}<//></footer>
  </form></article>`;
}

// The errors of a field, by the first part of its path.
function useFailures() {
  const [error, setError] = useState(null);
  const failures = error instanceof FaunaError ? error.failures : NONE;
  const of = (field) => failures.filter((failure) => String(failure.field[0] ?? "") === field || failure.field.map(String).join(".") === field);
  const within = (field, place) => failures.filter((failure) => String(failure.field[0]) === field && Number(failure.field[1]) === place);
  return { error, setError, of, within };
}

const NAME_HELP = "Letters, digits and ; @ + $ - _ . ! ~ %";

const NameField = ({ name, setName, of }) => html`<${TextField} id="name" label="Name" value=${name} onChange=${setName} help=${NAME_HELP} failures=${of("name")} autofocus=${true} />`;

// The field `data` of a schema item, as JSON.
function useData(doc) {
  const [text, setText] = useState(() => stringify(doc?.data ?? {}, 2));
  let data = null;
  let problem = null;
  try {
    data = parse(text);
    if (!isObject(data) || escapeOf(data)) throw new SyntaxError("This is a JSON object.");
  } catch (error) { problem = error.message; data = null; }
  // The value to write; undefined when there is nothing to write.
  const change = data && patchOf(doc?.data ?? {}, data);
  return { text, setText, problem, ok: data !== null, params: change && Object.keys(change).length ? { data: literal(change) } : {} };
}

function DataField({ data, of }) {
  return html`<details class="more" open=${data.text !== "{}"}><summary>Data</summary>
    <${Field} label="Data of your own, as JSON" id="data" failures=${[...of("data"), ...(data.problem ? [{ description: data.problem }] : [])]}>
      <${Editor} value=${data.text} onChange=${data.setText} language="json" label="data" lines=${false} />
    <//></details>`;
}

// The field to send, as an object: empty if the value has not changed. null removes the field.
const changed = (doc, field, value, before) => (doc && value === before ? {} : value === null && !doc ? {} : { [field]: value });

// Collections

const days = (text) => (text.trim() === "" ? null : /^\d+$/.test(text.trim()) ? Number(text.trim()) : text.trim());

function CollectionForm({ doc }) {
  const { error, setError, of } = useFailures();
  const [name, setName] = useState(doc?.name ?? "");
  const [keep, setKeep] = useState(() => (!doc ? "0" : doc.history_days === null || doc.history_days === undefined ? "" : doc.history_days.value));
  const [ttl, setTtl] = useState(doc?.ttl_days?.value ?? "");
  const data = useData(doc);
  const before = doc && (doc.history_days?.value === undefined ? null : Number(doc.history_days.value));
  const params = name && data.ok ? {
    ...changed(doc, "name", name, doc?.name),
    ...(doc ? changed(doc, "history_days", days(keep), before) : { history_days: days(keep) }),
    ...changed(doc, "ttl_days", days(ttl), doc?.ttl_days ? Number(doc.ttl_days.value) : null),
    ...data.params,
  } : null;
  return html`<${Frame} kind="collections" doc=${doc} params=${params} error=${error} setError=${setError}>
    <${NameField} name=${name} setName=${setName} of=${of} />
    <div class="columns">
      <${TextField} id="history_days" label="Keep history for (days)" value=${keep} onChange=${setKeep} inputmode="numeric" help="0: none. Empty: for ever." failures=${of("history_days")} />
      <${TextField} id="ttl_days" label="Documents live for (days)" value=${ttl} onChange=${setTtl} inputmode="numeric" help="Counted from their last change. Empty: for ever." failures=${of("ttl_days")} />
    </div>
    <${DataField} data=${data} of=${of} />
  <//>`;
}

// Indexes

const ALL = "_";
const newField = () => ({ field: "", kind: "field", reverse: false, casefold: false });

function IndexForm({ doc }) {
  const schema = useSchema();
  const { error, setError, of, within } = useFailures();
  const [name, setName] = useState(doc?.name ?? "");
  const [sources, setSources] = useState(() => [{ collection: schema.collections[0] ?? "", bindings: [] }]);
  const [terms, setTerms] = useState([]);
  const [values, setValues] = useState([]);
  const [unique, setUnique] = useState(Boolean(doc?.unique));
  const [serialized, setSerialized] = useState(doc?.serialized !== false);
  const data = useData(doc);
  const bindings = [...new Set(sources.flatMap((source) => source.bindings.map((binding) => binding.name)).filter(Boolean))];
  const ready = name && data.ok && (doc || sources.every((source) => source.collection && source.bindings.every((binding) => binding.name && binding.wire)) && [...terms, ...values].every((each) => each.field));
  const made = () => ({
    name,
    source: sources.length === 1 ? sourceParam(sources[0]) : sources.map(sourceParam),
    ...(terms.length ? { terms: terms.map((term) => object({ ...fieldParam(term), ...(term.casefold ? { transform: "casefold" } : {}) })) } : {}),
    ...(values.length ? { values: values.map((value) => object({ ...fieldParam(value), ...(value.reverse ? { reverse: true } : {}) })) } : {}),
    ...(unique ? { unique: true } : {}),
    ...(serialized ? {} : { serialized: false }),
    ...data.params,
  });
  const altered = () => ({
    ...changed(doc, "name", name, doc.name), ...changed(doc, "unique", unique, Boolean(doc.unique)),
    ...changed(doc, "serialized", serialized, doc.serialized !== false), ...data.params,
  });
  return html`<${Frame} kind="indexes" doc=${doc} params=${ready ? (doc ? altered() : made()) : null} error=${error} setError=${setError}
    note=${doc && html`<div class="notice"><p>What an index covers cannot be changed. To have other terms or values, make another index.</p>
      <p class="soft">Source: ${sourcesOf(doc).map((source) => source.collection).join(", ")} · terms: ${fieldsText(termsOf(doc)) || "none"} · values: ${fieldsText(valuesOf(doc)) || "ref"}</p></div>`}>
    <${NameField} name=${name} setName=${setName} of=${of} />
    ${!doc && html`
      <${Sources} sources=${sources} setSources=${setSources} failures=${of("source")} />
      <${Fields} title="Terms" what="term" help="What one looks things up by. None: the index lists all." list=${terms} setList=${setTerms} bindings=${bindings} within=${within} field="terms" failures=${of("terms")} />
      <${Fields} title="Values" what="value" help="What entries hold, and are sorted by, first to last. None: the ref. Put ref last to lead back to the documents." list=${values} setList=${setValues} bindings=${bindings} within=${within} field="values" failures=${of("values")} />`}
    <div class="row">
      <label class="choice"><input type="checkbox" checked=${unique} onchange=${(event) => setUnique(event.target.checked)} />Unique: no two documents with the same terms and values</label>
      <label class="choice"><input type="checkbox" checked=${serialized} onchange=${(event) => setSerialized(event.target.checked)} />Serialized: reads and writes in strict order</label>
    </div>
    <${DataField} data=${data} of=${of} />
  <//>`;
}

function sourceParam(source) {
  const where = source.collection === ALL ? ALL : { collection: source.collection };
  if (!source.bindings.length) return where;
  return object({ collection: where, fields: object(Object.fromEntries(source.bindings.map((binding) => [binding.name, asQuery(binding.wire)]))) });
}

const fieldParam = ({ kind, field }) => (kind === "binding" ? { binding: field } : { field: pathOf(field) });

const replaced = (list, place, item_) => list.map((each, index) => (index === place ? item_ : each));
const without = (list, place) => list.filter((_, index) => index !== place);

function Sources({ sources, setSources, failures }) {
  const { collections } = useSchema();
  const bind = (place, bindings) => setSources((old) => replaced(old, place, { ...old[place], bindings }));
  return html`<fieldset class=${failures.length ? "wrong" : ""}><legend>Source</legend>
    ${sources.map((source, place) => html`<div class="card" key=${place}>
      <div class="row"><label for=${`source-${place}`}>Collection</label>
        <select id=${`source-${place}`} value=${source.collection} onchange=${(event) => setSources(replaced(sources, place, { ...source, collection: event.target.value }))}>
          ${collections.map((name) => html`<option value=${name}>${name}</option>`)}<option value=${ALL}>all collections</option></select>
        <${Button} kind="small" onclick=${() => bind(place, [...source.bindings, { name: "", wire: null }])}>Add a binding<//>
        ${sources.length > 1 && html`<${Button} kind="small" aria-label="Remove this source" onclick=${() => setSources(without(sources, place))}>✕<//>`}</div>
      ${source.bindings.map((binding, index) => html`<div class="binding" key=${index}>
        <div class="row"><label for=${`binding-${place}-${index}`}>Binding</label><input id=${`binding-${place}-${index}`} value=${binding.name} placeholder="name" oninput=${(event) => bind(place, replaced(source.bindings, index, { ...binding, name: event.target.value }))} />
        <${Button} kind="small" aria-label="Remove this binding" onclick=${() => bind(place, without(source.bindings, index))}>✕<//></div>
        <${FqlText} id=${`binding-text-${place}-${index}`} label="is computed as" hint=${{ javascript: 'doc => LowerCase(Select(["data", "name"], doc))', python: 'lambda doc: q.lowercase(q.select(["data", "name"], doc))' }}
          onChange=${({ wire }) => setSources((old) => replaced(old, place, { ...old[place], bindings: replaced(old[place].bindings, index, { ...old[place].bindings[index], wire }) }))} />
      </div>`)}
    </div>`)}
    <${Button} kind="small" onclick=${() => setSources([...sources, { collection: collections[0] ?? "", bindings: [] }])}>Add a source<//>
    ${failures.length > 0 && html`<p class="wrong-text" role="alert">${failures.map((failure) => failure.description).join(" ")}</p>`}
  </fieldset>`;
}

function Fields({ title, what, help, list, setList, bindings, within, field, failures }) {
  return html`<fieldset class=${failures.length ? "wrong" : ""}><legend>${title}</legend><p class="help">${help}</p>
    ${list.map((entry, place) => html`<div class="row" key=${place}>
      <select aria-label=${`Kind of ${what} ${place + 1}`} value=${entry.kind} onchange=${(event) => setList(replaced(list, place, { ...entry, kind: event.target.value, field: event.target.value === "binding" ? bindings[0] ?? "" : "" }))}>
        <option value="field">field</option><option value="binding" disabled=${!bindings.length}>binding</option></select>
      ${entry.kind === "binding"
        ? html`<select aria-label=${`Binding of ${what} ${place + 1}`} value=${entry.field} onchange=${(event) => setList(replaced(list, place, { ...entry, field: event.target.value }))}>${bindings.map((name) => html`<option value=${name}>${name}</option>`)}</select>`
        : html`<input aria-label=${`Field of ${what} ${place + 1}`} value=${entry.field} placeholder="data.name, ref or ts" spellcheck="false" oninput=${(event) => setList(replaced(list, place, { ...entry, field: event.target.value }))} />`}
      ${what === "value" && html`<label class="choice"><input type="checkbox" checked=${entry.reverse} onchange=${(event) => setList(replaced(list, place, { ...entry, reverse: event.target.checked }))} />descending</label>`}
      <${Button} kind="small" aria-label=${`Remove ${what} ${place + 1}`} onclick=${() => setList(without(list, place))}>✕<//>
      ${within(field, place).map((failure) => html`<span class="wrong-text">${failure.description}</span>`)}
    </div>`)}
    <${Button} kind="small" onclick=${() => setList([...list, newField()])}>Add a ${what}<//>
    ${failures.filter((failure) => failure.field.length < 2).map((failure) => html`<p class="wrong-text" role="alert">${failure.description}</p>`)}
  </fieldset>`;
}

// Functions

const roleValue = (role) => (role === undefined || role === null ? "" : typeof role === "string" ? role : readRef(role).name);
const roleParam = (name) => (name === "" ? null : ROLES.includes(name) ? name : { role: name });

function RoleSelect({ id, value, onChange, empty, failures = NONE, label = "Role", help }) {
  const { roles } = useSchema();
  return html`<${Field} id=${id} label=${label} failures=${failures} help=${help}>
    <select id=${id} value=${value} onchange=${(event) => onChange(event.target.value)}>
      ${empty !== undefined && html`<option value="">${empty}</option>`}
      ${ROLES.map((name) => html`<option value=${name}>${name}</option>`)}
      ${roles.length > 0 && html`<optgroup label="Roles of this database">${roles.map((name) => html`<option value=${name}>${name}</option>`)}</optgroup>`}
    </select><//>`;
}

function FunctionForm({ doc }) {
  const { error, setError, of } = useFailures();
  const [name, setName] = useState(doc?.name ?? "");
  const [body, setBody] = useState({ wire: null, changed: false, ok: false });
  const [role, setRole] = useState(() => roleValue(doc?.role));
  const data = useData(doc);
  const stored = useMemo(() => (doc ? [doc.body] : []), [doc]);
  const { value: texts } = useTexts(stored);
  if (!texts) return html`<${Busy} />`;
  const params = name && body.ok && data.ok ? {
    ...changed(doc, "name", name, doc?.name),
    ...(body.changed || !doc ? { body: asQuery(body.wire) } : {}),
    ...(role === roleValue(doc?.role) ? {} : { role: roleParam(role) }),
    ...data.params,
  } : null;
  return html`<${Frame} kind="functions" doc=${doc} params=${params} error=${error} setError=${setError}>
    <${NameField} name=${name} setName=${setName} of=${of} />
    <${FqlText} id="body" label="Body" texts=${texts[0]} onChange=${setBody} failures=${of("body")} hint=${{ javascript: "(a, b) => Add(a, b)", python: "lambda a, b: q.add(a, b)" }} />
    <${RoleSelect} id="role" label="Runs as" value=${role} onChange=${setRole} empty="whoever calls it" failures=${of("role")} help="With a role it may do what that role may, whoever calls it." />
    <${DataField} data=${data} of=${of} />
  <//>`;
}

// Roles

const ACTIONS = {
  collections: ["create", "read", "write", "delete", "create_with_id", "history_read", "history_write", "unrestricted_read"],
  indexes: ["read", "unrestricted_read"],
  functions: ["call"],
  native: ["create", "read", "write", "delete"],
};
const NATIVES = ["collections", "indexes", "functions", "roles", "databases", "keys", "tokens", "credentials", "access_providers"];

const resourceText = (ref) => { const { kind, name } = readRef(ref); return name === undefined ? `native/${kind}` : `${kind}/${name}`; };
function resourceWire(text) {
  const [kind, ...rest] = text.split("/");
  return kind === "native" ? { [rest.join("/")]: null } : item(kind, rest.join("/"));
}

function readPrivileges(doc) {
  return [doc?.privileges ?? []].flat().map((each) => ({
    resource: resourceText(each.resource),
    actions: Object.fromEntries(Object.entries(each.actions ?? {}).map(([action, allowed]) => [action, isObject(allowed) ? { stored: allowed } : { allowed: allowed === true }])),
  }));
}

function RoleForm({ doc }) {
  const { error, setError, of } = useFailures();
  const [name, setName] = useState(doc?.name ?? "");
  const [privileges, setPrivileges] = useState(() => readPrivileges(doc));
  const [membership, setMembership] = useState(() => [doc?.membership ?? []].flat().map((each) => ({ collection: readRef(each.resource).name, stored: each.predicate })));
  const data = useData(doc);
  const stored = useMemo(() => [...privileges.flatMap((each) => Object.values(each.actions)), ...membership].map((each) => each.stored).filter(Boolean), []);
  const { value: texts } = useTexts(stored);
  if (!texts) return html`<${Busy} />`;
  const textOf = (predicate) => texts[stored.indexOf(predicate)];
  const actionWire = (action) => (action.predicate ? asQuery(action.predicate.wire) : action.stored ? literalLambda(action.stored) : action.allowed);
  const complete = privileges.every((each) => each.resource && Object.values(each.actions).every((action) => !action.predicate || action.predicate.wire)) && membership.every((each) => each.collection && (!each.predicate || each.predicate.wire));
  const params = name && data.ok && complete ? {
    ...changed(doc, "name", name, doc?.name),
    privileges: privileges.map((each) => object({ resource: resourceWire(each.resource), actions: object(Object.fromEntries(Object.entries(each.actions).map(([action, value]) => [action, actionWire(value)]))) })),
    ...(membership.length || doc?.membership ? { membership: membership.map((each) => {
      const predicate = each.predicate ? asQuery(each.predicate.wire) : each.stored && literalLambda(each.stored);
      return object({ resource: { collection: each.collection }, ...(predicate ? { predicate } : {}) });
    }) } : {}),
    ...data.params,
  } : null;
  return html`<${Frame} kind="roles" doc=${doc} params=${params} error=${error} setError=${setError}>
    <${NameField} name=${name} setName=${setName} of=${of} />
    <fieldset class=${of("privileges").length ? "wrong" : ""}><legend>Privileges</legend><p class="help">What whoever has this role may do. A condition is a function of FQL that says true or false.</p>
      ${privileges.map((each, place) => html`<${Privilege} key=${place} place=${place} privilege=${each} textOf=${textOf}
        onChange=${(change) => setPrivileges((old) => replaced(old, place, typeof change === "function" ? change(old[place]) : change))} onRemove=${() => setPrivileges(without(privileges, place))} />`)}
      <${Button} kind="small" onclick=${() => setPrivileges([...privileges, { resource: "", actions: {} }])}>Add a privilege<//>
      ${of("privileges").map((failure) => html`<p class="wrong-text" role="alert">${failure.field.map(String).join(".")}: ${failure.description}</p>`)}
    </fieldset>
    <${Membership} membership=${membership} setMembership=${setMembership} failures=${of("membership")} textOf=${textOf} />
    <${DataField} data=${data} of=${of} />
  <//>`;
}

// A stored lambda, to be written again unchanged.
const literalLambda = (stored) => { const { lambda, expr } = stored["@query"]; return { query: { lambda, expr } }; };

const PREDICATE_HINTS = {
  create: "(doc) => …", read: "(ref) => …", write: "(before, after) => …", delete: "(ref) => …", call: "(...arguments) => …",
};

function Privilege({ place, privilege, onChange, onRemove, textOf }) {
  const schema = useSchema();
  const [kind] = privilege.resource.split("/");
  const actions = ACTIONS[kind] ?? [];
  const set = (action, value) => onChange((old) => { const next = { ...old.actions }; if (value === null) delete next[action]; else next[action] = value; return { ...old, actions: next }; });
  const state = (action) => { const value = privilege.actions[action]; return value?.predicate || value?.stored ? "if" : value?.allowed ? "yes" : "no"; };
  return html`<div class="card">
    <div class="row"><label for=${`resource-${place}`}>On</label>
      <select id=${`resource-${place}`} value=${privilege.resource} onchange=${(event) => onChange({ resource: event.target.value, actions: {} })}>
        <option value="">choose…</option>
        ${[["collections", schema.collections], ["indexes", schema.indexes.map((index) => index.name)], ["functions", schema.functions]].map(([group, names]) => names.length > 0 && html`<optgroup label=${KINDS[group].title}>${names.map((name) => html`<option value=${`${group}/${name}`}>${name}</option>`)}</optgroup>`)}
        <optgroup label="The schema itself">${NATIVES.map((name) => html`<option value=${`native/${name}`}>${name.replace("_", " ")}</option>`)}</optgroup>
      </select><span class="grow"></span><${Button} kind="small" aria-label=${`Remove privilege ${place + 1}`} onclick=${onRemove}>✕<//></div>
    <div class="row">${actions.map((action) => html`<span class="action" key=${action}><label for=${`action-${place}-${action}`}>${action.replaceAll("_", " ")}</label>
      <select id=${`action-${place}-${action}`} value=${state(action)} onchange=${(event) => set(action, { no: null, yes: { allowed: true }, if: { predicate: { wire: null } } }[event.target.value])}>
        <option value="no">no</option><option value="yes">yes</option><option value="if">if…</option></select></span>`)}</div>
    ${actions.filter((action) => state(action) === "if").map((action) => html`<${FqlText} key=${action} id=${`predicate-${place}-${action}`} label=${`${action} if`} texts=${textOf(privilege.actions[action].stored)}
      hint=${{ javascript: PREDICATE_HINTS[action] ?? "(ref) => …", python: "lambda ref: …" }}
      onChange=${({ wire, changed: isChanged }) => { if (isChanged) set(action, { ...privilege.actions[action], predicate: { wire } }); }} />`)}
  </div>`;
}

function Membership({ membership, setMembership, failures, textOf }) {
  const { collections } = useSchema();
  const set = (place, change) => setMembership((old) => replaced(old, place, { ...old[place], ...change }));
  return html`<fieldset class=${failures.length ? "wrong" : ""}><legend>Members</legend><p class="help">Documents whose tokens have this role.</p>
    ${membership.map((each, place) => html`<div class="card" key=${place}>
      <div class="row"><label for=${`member-${place}`}>Documents of</label><select id=${`member-${place}`} value=${each.collection} onchange=${(event) => set(place, { collection: event.target.value })}>${collections.map((name) => html`<option value=${name}>${name}</option>`)}</select>
      <label class="choice"><input type="checkbox" checked=${Boolean(each.predicate || each.stored)} onchange=${(event) => set(place, event.target.checked ? { predicate: { wire: null } } : { predicate: undefined, stored: undefined })} />only if</label>
      <span class="grow"></span><${Button} kind="small" aria-label=${`Remove member ${place + 1}`} onclick=${() => setMembership(without(membership, place))}>✕<//></div>
      ${(each.predicate || each.stored) && html`<${FqlText} id=${`member-if-${place}`} label="member if" texts=${textOf(each.stored)} hint=${{ javascript: 'ref => Select(["data", "active"], Get(ref))', python: 'lambda ref: q.select(["data", "active"], q.get(ref))' }}
        onChange=${({ wire, changed: isChanged }) => { if (isChanged) set(place, { predicate: { wire } }); }} />`}
    </div>`)}
    <${Button} kind="small" disabled=${!collections.length} onclick=${() => setMembership([...membership, { collection: collections[0] }])}>Add a collection<//>
    ${failures.map((failure) => html`<p class="wrong-text" role="alert">${failure.description}</p>`)}
  </fieldset>`;
}

// Keys

function KeyForm({ doc }) {
  const { databases } = useSchema();
  const { error, setError, of } = useFailures();
  const [name, setName] = useState(doc?.data?.name ?? "");
  const [role, setRole] = useState(() => (doc ? roleValue(Array.isArray(doc.role) ? doc.role[0] : doc.role) : "server"));
  const [database, setDatabase] = useState("");
  const [ttl, setTtl] = useState(doc?.ttl?.["@ts"] ?? "");
  const [made, setMade] = useState(null);
  const params = {
    ...(doc && role === roleValue(doc.role) ? {} : { role: roleParam(role) }),
    ...(doc || !database ? {} : { database: { database } }),
    ...(name === (doc?.data?.name ?? "") ? {} : { data: object({ name: name || null }) }),
    ...(ttl === (doc?.ttl?.["@ts"] ?? "") ? {} : { ttl: ttl ? { time: ttl } : null }),
  };
  return html`<${Frame} kind="keys" doc=${doc} params=${params} error=${error} setError=${setError} onMade=${doc ? undefined : setMade}>
    <${TextField} id="key-name" label="What it is for" value=${name} onChange=${setName} help="Kept in data.name." failures=${of("data")} />
    <div class="columns">
      <${RoleSelect} id="role" value=${role} onChange=${setRole} failures=${of("role")} />
      ${!doc && html`<${Field} id="database" label="Database" failures=${of("database")} help="A key of a child database opens that one."><select id="database" value=${database} onchange=${(event) => setDatabase(event.target.value)}><option value="">this one</option>${databases.map((each) => html`<option value=${each}>${each}</option>`)}</select><//>`}
      <${TextField} id="ttl" label="Expires" value=${ttl} onChange=${setTtl} help="2030-01-01T00:00:00Z, or empty: never." failures=${of("ttl")} />
    </div>
    ${made && html`<${Dialog} title="The secret of the new key" onClose=${() => { setMade(null); go(["keys"]); }}>
      <p>It is shown this once: only a hash of it is kept.</p>
      <p class="secret"><code>${made.secret}</code></p>
      <footer><${CopyButton} text=${made.secret} label="Copy secret" /><${Button} kind="primary" onclick=${() => { setMade(null); go(["keys"]); }}>Done<//></footer>
    <//>`}
  <//>`;
}

// Databases

function DatabaseForm({ doc }) {
  const { error, setError, of } = useFailures();
  const [name, setName] = useState(doc?.name ?? "");
  const data = useData(doc);
  const params = name && data.ok ? { ...changed(doc, "name", name, doc?.name), ...data.params } : null;
  return html`<${Frame} kind="databases" doc=${doc} params=${params} error=${error} setError=${setError}>
    <${NameField} name=${name} setName=${setName} of=${of} />
    <${DataField} data=${data} of=${of} />
  <//>`;
}

const FORMS = { collections: CollectionForm, indexes: IndexForm, functions: FunctionForm, roles: RoleForm, keys: KeyForm, databases: DatabaseForm };
