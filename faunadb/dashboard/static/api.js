// Queries over the wire protocol. The secret lives in this tab's session storage and nowhere else.

const SECRET = "faunadb.secret";
const PATH = "faunadb.path";

export const session = {
  get secret() { return sessionStorage.getItem(SECRET); },
  set secret(value) { value === null ? sessionStorage.removeItem(SECRET) : sessionStorage.setItem(SECRET, value); },
  // Names of the databases from the secret's own down to the one shown.
  get path() { return JSON.parse(sessionStorage.getItem(PATH) || "[]"); },
  set path(value) { sessionStorage.setItem(PATH, JSON.stringify(value)); },
};

export class FaunaError extends Error {
  constructor(status, errors) {
    const first = errors[0] || {};
    super(first.description || `HTTP ${status}`);
    this.status = status;
    this.errors = errors;
  }
}

let lastSeen = 0;
const listeners = new Set();
// Called with {ms, reads, writes} after every query.
export const onMetrics = (listener) => listeners.add(listener);

function headers() {
  const path = session.path;
  const secret = path.length ? `${session.secret}:${path.join("/")}:admin` : session.secret;
  const sent = { authorization: `Bearer ${secret}`, "x-faunadb-api-version": "4", "content-type": "application/json" };
  if (lastSeen) sent["x-last-seen-txn"] = String(lastSeen);
  return sent;
}

function note(response) {
  const number = (name) => Number(response.headers.get(name) || 0);
  lastSeen = Math.max(lastSeen, number("x-txn-time"));
  const metrics = {
    ms: number("x-query-time"),
    reads: number("x-byte-read-ops"),
    writes: number("x-byte-write-ops"),
    compute: number("x-compute-ops"),
  };
  listeners.forEach((listener) => listener(metrics));
  return metrics;
}

export async function query(expression) {
  const response = await fetch("/", {
    // Without this a 401 makes the browser ask for a password of its own.
    credentials: "omit",
    method: "POST",
    headers: headers(),
    body: JSON.stringify(expression),
  });
  const body = await response.json();
  const metrics = note(response);
  if (!response.ok) throw new FaunaError(response.status, body.errors || []);
  return { value: body.resource, status: response.status, metrics };
}

export const value = async (expression) => (await query(expression)).value;

// FQL text to wire JSON, one entry a query.
export async function translate(text) {
  const response = await fetch("/dashboard/translate", { method: "POST", body: text });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error || `HTTP ${response.status}`);
  return body.queries;
}

// Open a stream; onEvent gets each event. Returns a function that closes it.
export function stream(expression, onEvent, onEnd) {
  const abort = new AbortController();
  (async () => {
    const response = await fetch("/stream?fields=action,document,index", {
      credentials: "omit", method: "POST", headers: headers(), body: JSON.stringify(expression), signal: abort.signal,
    });
    if (!response.ok) {
      const body = await response.json();
      throw new FaunaError(response.status, body.errors || []);
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value: text } = await reader.read();
      if (done) break;
      const lines = (rest + text).split("\r\n");
      rest = lines.pop();
      lines.filter(Boolean).forEach((line) => onEvent(JSON.parse(line)));
    }
    onEnd(null);
  })().catch((error) => onEnd(abort.signal.aborted ? null : error));
  return () => abort.abort();
}
