// Queries over the wire protocol. The secret lives in this tab's session storage and nowhere else.

import { parse, stringify } from "./json.js";

const SECRET = "faunadb.secret";

export const session = {
  get secret() { return sessionStorage.getItem(SECRET); },
  set secret(value) { value === null ? sessionStorage.removeItem(SECRET) : sessionStorage.setItem(SECRET, value); },
  // Names of the databases from the secret's own down to the one shown; the address of the page says it.
  path: [],
};

export class FaunaError extends Error {
  constructor(status, errors, metrics) {
    super(errors[0]?.description || `HTTP ${status}`);
    this.status = status;
    this.errors = errors;
    this.metrics = metrics;
  }

  get code() { return this.errors[0]?.code; }
  get isDenied() { return this.status === 403 || this.code === "permission denied"; }
  get isMissing() { return this.status === 404; }
  get failures() { return this.errors.flatMap((error) => error.failures || []); }
}

// The error for a text that is not FQL. start, end: offsets in the text.
export class TextError extends Error {
  constructor({ message, start, end }) {
    super(message);
    Object.assign(this, { start, end });
  }
}

let lastSeen = 0;
const listeners = new Set();
// Call a function with {ms, reads, writes, compute, ...} after every answer. Returns a function that stops that.
export function onMetrics(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
let onUnauthorized = () => {};
export const whenUnauthorized = (action) => { onUnauthorized = action; };

// as: {secret, role}, to ask with another secret or role.
export function authorization(as = {}) {
  const secret = as.secret || session.secret;
  if (as.secret) return `Bearer ${secret}`;
  if (session.path.length) return `Bearer ${secret}:${session.path.join("/")}:${as.role || "admin"}`;
  return `Bearer ${secret}${as.role ? `:${as.role}` : ""}`;
}

function headers(as) {
  const sent = { authorization: authorization(as), "x-faunadb-api-version": "4", "content-type": "application/json" };
  if (lastSeen) sent["x-last-seen-txn"] = String(lastSeen);
  return sent;
}

function measured(response, began) {
  const number = (name) => Number(response.headers.get(name) || 0);
  lastSeen = Math.max(lastSeen, number("x-txn-time"));
  const metrics = {
    ms: number("x-query-time"),
    total: Math.round(performance.now() - began),
    reads: number("x-byte-read-ops"),
    writes: number("x-byte-write-ops"),
    compute: number("x-compute-ops"),
    readBytes: number("x-storage-bytes-read"),
    status: response.status,
    at: new Date(),
  };
  listeners.forEach((listener) => listener(metrics));
  return metrics;
}

// Run a query: resolves to {value, metrics}, rejects with FaunaError. options: signal, as.
export async function query(expression, { signal, as } = {}) {
  const began = performance.now();
  const response = await fetch("/", {
    // Without this a 401 would make the browser ask for a password by itself.
    credentials: "omit",
    method: "POST",
    // The database ends a query that is cancelled here, too.
    headers: { ...headers(as), "x-end-with-connection": "1" },
    body: stringify(expression),
    signal,
  });
  const body = parse(await response.text());
  const metrics = measured(response, began);
  if (response.ok) return { value: body.resource, metrics };
  const error = new FaunaError(response.status, body.errors || [{ description: body.error }], metrics);
  if (response.status === 401 && !as?.secret) onUnauthorized();
  throw error;
}

export const value = async (expression, options) => (await query(expression, options)).value;

async function ask(path, body) {
  const response = await fetch(path, { credentials: "omit", method: "POST", headers: headers(), body });
  const answer = parse(await response.text());
  if (response.ok) return answer;
  if (answer.start !== undefined) throw new TextError({ message: answer.message, start: Number(answer.start.value), end: Number(answer.end.value) });
  if (answer.errors) throw new FaunaError(response.status, answer.errors);
  throw new Error(answer.error || `HTTP ${response.status}`);
}

// FQL text in either style to queries: [{wire, spans: [[path, start, end]], start, end}].
export async function translate(text) {
  const plain = (item) => Number(item.value ?? item);
  return (await ask("/dashboard/translate", text)).queries.map(({ wire, spans }) => ({
    wire,
    spans: spans.map(([path, start, end]) => ({ path: path.map((part) => (typeof part === "string" ? part : plain(part))), start: plain(start), end: plain(end) })),
  }));
}

// One query of a text.
export async function expression(text) {
  const queries = await translate(text);
  if (queries.length !== 1) throw new TextError({ message: queries.length ? "one expression was expected, and here are several" : "there is no expression here", start: 0, end: text.length });
  return queries[0].wire;
}

// Wire JSON to FQL text: {javascript, python}.
export const rendered = (wire) => ask("/dashboard/render", stringify(wire));

// The progress of the indexes that are being built in this database: {name: {done, total}}.
export async function builds() {
  const found = await ask("/dashboard/builds", "");
  return Object.fromEntries(Object.entries(found.builds).map(([name, { done, total }]) => [name, { done: Number(done.value), total: Number(total.value) }]));
}

let forms = null;
export const allForms = () => (forms ??= fetch("/dashboard/forms.json", { credentials: "omit" }).then((response) => response.json()));

// Open a stream; onEvent gets each event, onEnd the error if there was one. Returns a function that closes it.
export const stream = (expression, onEvent, onEnd, fields = "action,document,index") =>
  follow(`/stream?fields=${fields}`, expression, onEvent, onEnd);

// How many streams one answer carries. They share it, because a browser opens only six connections to a server.
export const MOST_STREAMS = 1024;
// Open several streams in one answer. The `stream` of an event is the number of its expression; each expression's first event
// is a start or an error.
export function streams(expressions, onEvent, onEnd, fields = "action,document") {
  const take = (event) => {
    if (event.stream === undefined) throw new Error(event.event.description); // an error that ends all of them
    onEvent({ ...event, stream: Number(event.stream.value) });
  };
  return follow(`/dashboard/streams?fields=${fields}`, expressions, take, onEnd);
}

function follow(path, asked, onEvent, onEnd) {
  const abort = new AbortController();
  (async () => {
    const response = await fetch(path, {
      credentials: "omit", method: "POST", headers: headers(), body: stringify(asked), signal: abort.signal,
    });
    if (!response.ok) {
      const { errors, error } = parse(await response.text());
      throw new FaunaError(response.status, errors || [{ description: error }]);
    }
    lastSeen = Math.max(lastSeen, Number(response.headers.get("x-txn-time") || 0));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value: text } = await reader.read();
      if (done) break;
      const lines = (rest + text).split("\r\n");
      rest = lines.pop();
      lines.filter(Boolean).forEach((line) => onEvent(parse(line)));
    }
    onEnd(null);
  })().catch((error) => { if (!abort.signal.aborted) onEnd(error); });
  return () => abort.abort();
}
