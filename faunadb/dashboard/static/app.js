// Sign-in, the contents of a database, the query box.

import { onMetrics, query, session, stream, translate, value } from "./api.js";
import { record } from "./charts.js";
import { element, show } from "./values.js";
import * as views from "./views.js";

const $ = (id) => document.getElementById(id);
const HISTORY = "faunadb.history";
const KINDS = [
  ["databases", "Databases"], ["collections", "Collections"], ["indexes", "Indexes"],
  ["functions", "Functions"], ["roles", "Roles"], ["keys", "Keys"],
];

let result = null;
let closeStream = null;

onMetrics((metrics) => record(metrics, $("charts")));

// Sign-in

async function signIn(secret) {
  session.secret = secret;
  session.path = [];
  await value({ add: [1, 1] }); // any query tells whether the secret is good
}

function showLogin(message = "") {
  $("app").hidden = true;
  $("login").hidden = false;
  $("login-error").hidden = !message;
  $("login-error").textContent = message;
  $("secret").focus();
}

async function showApp() {
  $("login").hidden = true;
  $("app").hidden = false;
  fillHistory();
  await openDatabase(session.path);
}

$("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await signIn($("secret").value.trim());
    $("secret").value = "";
    await showApp();
  } catch (error) {
    session.secret = null;
    showLogin(error.status === 401 ? "That secret is not valid here." : error.message);
  }
});

$("sign-out").addEventListener("click", () => {
  views.stopLive();
  sessionStorage.clear();
  $("result").replaceChildren();
  $("view").replaceChildren();
  showLogin();
});

// Databases and their contents

async function openDatabase(path) {
  views.stopLive();
  session.path = path;
  drawCrumbs(path);
  await drawTree();
  await guarded(() => views.overview($("view")));
}

function drawCrumbs(path) {
  const crumb = (label, to) => element("button", { type: "button", onclick: () => openDatabase(to) }, label);
  const parts = [crumb("top", [])];
  path.forEach((name, index) => parts.push(element("span", { class: "soft" }, "/"), crumb(name, path.slice(0, index + 1))));
  $("crumbs").replaceChildren(...parts);
}

async function items(kind) {
  const refs = [];
  let cursor = {};
  for (;;) {
    const page = await value({ paginate: { [kind]: null }, size: 500, ...cursor });
    refs.push(...page.data);
    if (page.after === undefined) return refs;
    cursor = { after: { quote: page.after } };
  }
}

async function drawTree() {
  const groups = await Promise.all(KINDS.map(async ([kind, label]) => {
    try {
      return [kind, label, await items(kind)];
    } catch (error) {
      return [kind, label, null];
    }
  }));
  $("tree").replaceChildren(...groups.flatMap(([kind, label, refs]) => [
    element("h2", {}, label),
    ...(refs === null ? [element("p", { class: "soft" }, "not readable with this secret")]
      : refs.length ? refs.map((ref) => treeButton(kind, label, ref)) : [element("p", { class: "soft" }, "none")]),
  ]));
}

function treeButton(kind, label, ref) {
  const name = ref["@ref"].id;
  const button = element("button", { type: "button", title: name, onclick: () => {
    views.stopLive();
    document.querySelectorAll(".tree button").forEach((other) => other.removeAttribute("aria-current"));
    button.setAttribute("aria-current", "true");
    guarded(() => open(kind, label, ref, name));
  } }, name);
  return button;
}

function open(kind, label, ref, name) {
  if (kind === "databases") return openDatabase([...session.path, name]);
  if (kind === "collections") return views.collection($("view"), name);
  if (kind === "indexes") return views.index($("view"), name);
  return views.schemaItem($("view"), label.slice(0, -1), ref);
}

async function guarded(action) {
  try {
    await action();
  } catch (error) {
    if (error.status === 401) return showLogin("The secret is no longer valid.");
    $("view").replaceChildren(element("p", { class: "error", role: "alert" }, errorText(error)));
  }
}

function errorText(error) {
  if (!error.errors) return error.message;
  return error.errors.map((entry) => {
    const place = entry.position && entry.position.length ? ` at ${entry.position.join(" › ")}` : "";
    const failures = (entry.failures || []).map((failure) => `\n  ${failure.field.join(".")}: ${failure.description}`).join("");
    const cause = (entry.cause || []).map((inner) => `\n  caused by ${inner.code}: ${inner.description}`).join("");
    return `${entry.code}${place}: ${entry.description}${failures}${cause}`;
  }).join("\n");
}

// The query box

const history = () => JSON.parse(sessionStorage.getItem(HISTORY) || "[]");
let place = -1;

function remember(text) {
  const kept = [text, ...history().filter((other) => other !== text)].slice(0, 100);
  sessionStorage.setItem(HISTORY, JSON.stringify(kept));
  place = -1;
  fillHistory();
}

function fillHistory() {
  const options = history().map((text) => element("option", { value: text }, text.replace(/\s+/g, " ").slice(0, 80)));
  $("history").replaceChildren(element("option", { value: "" }, options.length ? "…" : "empty"), ...options);
}

function recall(step) {
  const texts = history();
  place = Math.max(-1, Math.min(texts.length - 1, place + step));
  $("query-text").value = place < 0 ? "" : texts[place];
}

function draw() {
  const shape = document.querySelector('input[name="shape"]:checked').value;
  $("result").replaceChildren(result === null ? "" : show(result.value, shape, (ref) => guarded(() => views.openDocument($("view"), ref))));
}

function fail(error) {
  result = null;
  $("result").replaceChildren(element("pre", { class: "error", role: "alert" }, errorText(error)));
}

async function run() {
  const text = $("query-text").value.trim();
  if (!text) return;
  $("run").disabled = true;
  $("query-status").textContent = "running…";
  try {
    remember(text);
    let last = null;
    for (const wire of await translate(text)) last = await query(wire);
    result = last;
    draw();
    if (last) {
      const { ms, reads, writes, compute } = last.metrics;
      $("query-status").textContent = `${last.status} · ${ms} ms · ${reads} read, ${writes} write, ${compute} compute ops`;
    }
    await drawTree();
  } catch (error) {
    $("query-status").textContent = error.status ? `${error.status}` : "not sent";
    fail(error);
  } finally {
    $("run").disabled = false;
  }
}

async function streamQuery() {
  if (closeStream) {
    closeStream();
    closeStream = null;
    $("stream-query").textContent = "Stream";
    return;
  }
  const text = $("query-text").value.trim();
  if (!text) return;
  try {
    remember(text);
    const [wire] = await translate(text);
    const list = element("div", { class: "events", role: "log", "aria-label": "Stream events" });
    $("result").replaceChildren(list);
    $("stream-query").textContent = "Stop stream";
    closeStream = stream(wire,
      (event) => list.prepend(element("div", {}, JSON.stringify(event))),
      (error) => {
        list.prepend(element("div", { class: error ? "error" : "soft" }, error ? errorText(error) : "closed"));
        closeStream = null;
        $("stream-query").textContent = "Stream";
      });
  } catch (error) {
    fail(error);
  }
}

$("query-form").addEventListener("submit", (event) => { event.preventDefault(); run(); });
$("stream-query").addEventListener("click", streamQuery);
$("history").addEventListener("change", (event) => { if (event.target.value) $("query-text").value = event.target.value; });
$("query-text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
  if (event.altKey && event.key === "ArrowUp") { event.preventDefault(); recall(1); }
  if (event.altKey && event.key === "ArrowDown") { event.preventDefault(); recall(-1); }
});
document.querySelectorAll('input[name="shape"]').forEach((input) => input.addEventListener("change", draw));

if (session.secret) {
  showApp().catch(() => showLogin("The secret is no longer valid."));
} else {
  showLogin();
}
