// The page: signing in, the frame around the views, the view for an address, and keys.

import { onMetrics, session, value, whenUnauthorized } from "./api.js";
import { Console } from "./console.js";
import { Document, NewDocument } from "./document.js";
import { Documents } from "./documents.js";
import { Create, Edit } from "./forms.js";
import { KINDS } from "./fql.js";
import { Item, List } from "./items.js";
import { stringify } from "./json.js";
import { Overview } from "./overview.js";
import { applyTheme, preferences } from "./preferences.js";
import { go, link, parseHash } from "./route.js";
import { SchemaContext, loadSchema, useSchema } from "./schema.js";
import { Shortcuts, listenForKeys } from "./shortcuts.js";
import { Activity, note } from "./activity.js";
import { Busy, Button, Empty, Problem, announce } from "./ui.js";
import { html, render, useCallback, useEffect, useMemo, useRef, useState } from "./vendor/view.js";

applyTheme();
onMetrics(note);

// Signing in

function SignIn({ message, onDone }) {
  const [secret, setSecret] = useState("");
  const [error, setError] = useState(message);
  const submit = async (event) => {
    event.preventDefault();
    session.secret = secret.trim();
    try {
      await value({ add: [1, 1] }); // any query shows whether the secret is good
      onDone();
    } catch (problem) {
      session.secret = null;
      setError(problem.status === 401 ? "That secret is not valid here." : problem.message);
    }
  };
  return html`<main class="sign-in"><form onsubmit=${submit}>
    <h1><img src="icon.svg" alt="" width="32" height="32" /> faunadb</h1>
    <label for="secret">Secret of a key or token</label>
    <input id="secret" type="password" autocomplete="off" required value=${secret} oninput=${(event) => setSecret(event.target.value)} autofocus />
    ${error && html`<p class="wrong-text" role="alert">${error}</p>`}
    <${Button} type="submit" kind="primary">Sign in<//>
    <p class="help">It stays in this tab, and is gone when the tab closes. What you see here is what the secret may see. A server started without a secret of its own has <code>secret</code>.</p>
  </form></main>`;
}

// The frame

function Crumbs() {
  const { path } = session;
  return html`<nav class="crumbs" aria-label="Databases"><ol>
    <li><a href=${link([], {}, [])} aria-current=${path.length ? undefined : "location"}>top</a></li>
    ${path.map((name, index) => html`<li key=${index}><a href=${link([], {}, path.slice(0, index + 1))} aria-current=${index === path.length - 1 ? "location" : undefined}>${name}</a></li>`)}
  </ol></nav>`;
}

const THEMES = { auto: ["◐", "as the system has it"], light: ["☀", "light"], dark: ["☾", "dark"] };

function Theme() {
  const [theme, setTheme] = useState(preferences.theme);
  const next = { auto: "light", light: "dark", dark: "auto" }[theme];
  const press = () => { preferences.theme = next; setTheme(next); announce(`Colours: ${THEMES[next][1]}`); };
  return html`<${Button} kind="plain" aria-label=${`Colours: ${THEMES[theme][1]}`} title=${`Colours: ${THEMES[theme][1]}`} onclick=${press}>${THEMES[theme][0]}<//>`;
}

// How many names of a kind the side bar lists before it asks to narrow the list.
const NAMES = 200;

function Names({ kind, names, current }) {
  const { denied } = useSchema();
  const [narrow, setNarrow] = useState("");
  const { title } = KINDS[kind];
  const fitting = names.filter((name) => name.toLowerCase().includes(narrow.toLowerCase()));
  return html`<section>
    <h2><a href=${link([kind])} aria-current=${current[0] === kind && current.length === 1 ? "page" : undefined}>${title}</a>
      ${names.length > 0 && html`<span class="count">${names.length}</span>`}<span class="grow"></span><a class="add" href=${link(["create", kind])} aria-label=${`New: ${title}`} title="New">+</a></h2>
    ${denied[kind] && html`<p class="soft">This secret may not list them.</p>`}
    ${names.length > 15 && html`<input type="search" aria-label=${`Narrow ${title}`} placeholder="narrow…" value=${narrow} oninput=${(event) => setNarrow(event.target.value)} />`}
    <ul>${fitting.slice(0, NAMES).map((name) => html`<li key=${name}><a href=${link([kind, name])} title=${name} aria-current=${current.includes(name) && (current[0] === kind || current[1] === kind) ? "page" : undefined}>${name}</a></li>`)}</ul>
    ${fitting.length > NAMES && html`<p class="soft">${fitting.length - NAMES} more: narrow the list.</p>`}
    ${kind === "collections" && denied[kind] && html`<${OpenByName} />`}
  </section>`;
}

// For those who may not list collections, but know the name of one.
function OpenByName() {
  const [name, setName] = useState("");
  return html`<form class="row" onsubmit=${(event) => { event.preventDefault(); if (name) go(["collections", name]); }}><input aria-label="Name of a collection" placeholder="open by name" value=${name} oninput=${(event) => setName(event.target.value)} /><${Button} type="submit" kind="small">Open<//></form>`;
}

function Side({ current, open, onClose }) {
  const schema = useSchema();
  const single = ["roles", "keys", "tokens", "access_providers", "databases"];
  const top = (parts, text) => html`<li><a href=${link(parts)} aria-current=${(current[0] ?? "") === (parts[0] ?? "") ? "page" : undefined}>${text}</a></li>`;
  return html`<nav id="side" class=${open ? "side open" : "side"} aria-label="What is in this database" onclick=${(event) => { if (event.target.closest("a")) onClose(); }}>
    <ul class="top">${top([], "Overview")}${top(["query"], "Query")}</ul>
    <${Names} kind="collections" names=${schema.collections} current=${current} />
    <${Names} kind="indexes" names=${schema.indexes.map((index) => index.name)} current=${current} />
    <${Names} kind="functions" names=${schema.functions} current=${current} />
    <ul class="top">${single.map((kind) => html`<li key=${kind}><a href=${link([kind])} aria-current=${current.includes(kind) ? "page" : undefined}>${KINDS[kind].title}</a></li>`)}${top(["activity"], "Activity")}</ul>
  </nav>`;
}

function Frame({ route, onSignOut, children }) {
  const [open, setOpen] = useState(false);
  const [help, setHelp] = useState(false);
  useEffect(() => listenForKeys({ help: () => setHelp(true), menu: () => setOpen((old) => !old) }), []);
  return html`<a class="skip" href="#main" onclick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>To the contents</a>
    <header class="bar">
      <${Button} kind="plain menu-button" aria-label="Menu" aria-expanded=${open} aria-controls="side" onclick=${() => setOpen(!open)}>☰<//>
      <a class="brand" aria-label="faunadb: to the top" href=${link([], {}, [])}><img src="icon.svg" alt="" width="22" height="22" /><span>faunadb</span></a>
      <${Crumbs} /><span class="grow"></span>
      <${Theme} /><${Button} kind="plain" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onclick=${() => setHelp(true)}>?<//>
      <${Button} kind="plain" onclick=${onSignOut}>Sign out<//>
    </header>
    <div class="body">
      <${Side} current=${route.parts} open=${open} onClose=${() => setOpen(false)} />
      <main id="main" tabindex="-1">${children}</main>
    </div>
    ${help && html`<${Shortcuts} onClose=${() => setHelp(false)} />`}`;
}

// The view for an address

function View({ parts }) {
  const [kind, name, id] = parts;
  if (kind === undefined) return html`<${Overview} />`;
  if (kind === "query") return html`<${Console} />`;
  if (kind === "activity") return html`<${Activity} />`;
  if (kind === "create" && name in KINDS) return html`<${Create} key=${name} kind=${name} />`;
  if (kind === "edit" && name in KINDS && id) return html`<${Edit} key=${parts.join("/")} kind=${name} name=${id} />`;
  if (kind === "collections" && id === "new") return html`<${NewDocument} key=${name} name=${name} />`;
  if (kind === "collections" && id) return html`<${Document} key=${`${name}/${id}`} name=${name} id=${id} />`;
  if (kind === "collections" && name) return html`<${Documents} key=${name} name=${name} />`;
  if (kind in KINDS) return name ? html`<${Item} key=${parts.join("/")} kind=${kind} name=${name} />` : html`<${List} key=${kind} kind=${kind} />`;
  return html`<${Empty} title="There is no such page."><p><a href=${link([])}>To the overview</a></p><//>`;
}

function App() {
  const [signedIn, setSignedIn] = useState(Boolean(session.secret));
  const [message, setMessage] = useState("");
  const [route, setRoute] = useState(parseHash);
  const [schema, setSchema] = useState(null);
  const [error, setError] = useState(null);
  const database = route.database.join("/");
  session.path = route.database;
  const loading = useRef(null);
  const reload = useCallback(async () => {
    loading.current?.abort();
    const abort = new AbortController();
    loading.current = abort;
    try {
      const found = { ...(await loadSchema(abort.signal)), database: session.path.join("/") };
      // An unchanged route stays the same object, so that nothing is drawn or queried again because of it.
      setSchema((old) => (old && stringify(old) === stringify(found) ? old : found));
      setError(null);
    } catch (problem) { if (!abort.signal.aborted) setError(problem); }
  }, []);
  useEffect(() => {
    const changed = () => {
      const next = parseHash();
      session.path = next.database;
      setRoute((old) => { if (old.parts.join("/") !== next.parts.join("/")) window.scrollTo(0, 0); return next; });
    };
    addEventListener("hashchange", changed);
    whenUnauthorized(() => { session.secret = null; setMessage("The secret is not valid (any more)."); setSignedIn(false); });
    return () => removeEventListener("hashchange", changed);
  }, []);
  // Others may change the schema, too, so it is loaded again with every view.
  useEffect(() => { if (signedIn) reload(); }, [signedIn, database, route.parts.join("/")]);
  useEffect(() => { document.title = `${[...route.parts].reverse().join(" · ") || "Overview"} – faunadb`; }, [route]);
  const context = useMemo(() => schema && { ...schema, reload }, [schema]);
  if (!signedIn) return html`<${SignIn} message=${message} onDone=${() => { setMessage(""); setSignedIn(true); }} />`;
  const signOut = () => { sessionStorage.clear(); setMessage(""); setSchema(null); location.hash = "#/"; setSignedIn(false); };
  if (error) return html`<main class="sign-in"><${Problem} error=${error} what="open this database" again=${reload} /><p><a href=${link([], {}, [])}>To the top</a></p><${Button} onclick=${signOut}>Sign out<//></main>`;
  if (!context || schema.database !== database) return html`<${Busy} />`;
  return html`<${SchemaContext.Provider} value=${context}><${Frame} route=${route} onSignOut=${signOut}><${View} key=${database} parts=${route.parts} /><//><//>`;
}

// `faunadb dashboard` opens this page with the secret after the #, which no server sees. A tab stays signed in.
const entering = /^#enter=(.+)$/.exec(location.hash);
if (entering) {
  if (!session.secret) session.secret = decodeURIComponent(entering[1]);
  history.replaceState(null, "", "#/");
}

render(html`<${App} />`, document.getElementById("page"));
