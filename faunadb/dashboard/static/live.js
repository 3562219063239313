// Live tables. The stream of the collection's set says which documents come and go; a stream for each row that is shown says
// how the document changes.

import { MOST_STREAMS, streams, value as ask } from "./api.js";
import { document, documents, get, map, quote, readRef, variable } from "./fql.js";
import { equal } from "./json.js";
import { useEffect, useRef, useState } from "./vendor/view.js";

// How many rows a table keeps.
const MOST_ROWS = 1000;
// Milliseconds to wait, when rows change, before opening streams for the new ones: more may change meanwhile.
const GATHER = 200;

const idOf = (row) => readRef(row.ref).id;

// {marks, state} of a live table. marks: "new", "changed" or "deleted" by the ids of rows. state: its state in words.
// planned: the plan of the filter, which says what documents belong to it (filters.js).
export function useLive(on, { name, planned, rows, setRows }) {
  const [marks, setMarks] = useState(new Map());
  const [state, setState] = useState("");
  const latest = useRef(null);
  latest.current = { rows, setRows, setMarks, setState };
  const follower = useRef(null);
  useEffect(() => {
    if (!on) { setMarks(new Map()); setState(""); return undefined; }
    follower.current = new Follower(name, planned, latest);
    return () => { follower.current.close(); follower.current = null; };
  }, [on, name, planned]);
  const shown = rows?.map(idOf).sort().join(" ");
  useEffect(() => { if (on && rows) follower.current.follow(); }, [on, name, planned, shown]);
  return { marks, state };
}

class Follower {
  constructor(name, planned, table) {
    Object.assign(this, { name, planned, table });
    this.opened = []; // functions that close the answers with streams; old ones are closed when the next has begun
    this.looked = new Map(); // id -> [ref, mark] of the documents that wait to be read
    this.looking = false;
    this.closed = false;
    this.say("connecting…");
  }

  say(text) {
    if (!this.closed) this.table.current.setState(text);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.opened.forEach((close) => close());
  }

  // Follow the rows shown now.
  follow() {
    clearTimeout(this.timer);
    if (this.opened.length) this.timer = setTimeout(() => this.open(), GATHER);
    else this.open();
  }

  open() {
    const { id } = this.planned;
    const rows = this.table.current.rows.slice(0, MOST_STREAMS - 1);
    const asked = id === undefined ? [documents(this.name), ...rows.map((row) => quote(row.ref))] : [document(this.name, id)];
    const unbegun = new Set(asked.keys());
    const wrong = new Map();
    const close = streams(asked, (event) => {
      if (event.type === "error") wrong.set(event.stream, event.event.description);
      else if (event.type !== "start") this.take(event);
      const begins = unbegun.delete(event.stream) && !unbegun.size;
      if (begins) this.hasBegun(close, rows);
      if (begins || event.type === "error") this.tell(asked.length, wrong);
    }, (error) => {
      this.opened = this.opened.filter((each) => each !== close);
      if (error) this.say(`not followed: ${error.message}`);
      else if (!wrong.size) this.say("the stream has ended");
    });
    this.opened.push(close);
  }

  // All streams of an answer have begun, so the answers before are not needed any more.
  hasBegun(close, rows) {
    this.opened.splice(0, this.opened.indexOf(close)).forEach((old) => old());
    this.look(rows.map((row) => [row.ref, "changed"])); // for changes since they were read
  }

  // count: how many streams there are. wrong: the text of the error of each stream that has one.
  tell(count, wrong) {
    const [first] = wrong.values();
    if (wrong.size === count) this.say(`not followed: ${first}`);
    else if (wrong.size) this.say(`following, but for ${wrong.size} of ${count} streams: ${first}`);
    else this.say(count === MOST_STREAMS ? `following the first ${(count - 1).toLocaleString()} rows` : "following");
  }

  take({ type, event }) {
    const { document: doc, action } = event;
    if (type === "history_rewrite") this.look([[doc.ref, "changed"]]); // it may be of any version
    else if (action === "delete" || action === "remove") this.mark([[idOf(doc), "deleted"]]);
    else if (type === "set") this.look([[doc.ref, "new"]]); // the event has only the ref
    else this.show([[doc, action === "create" ? "new" : "changed"]]);
  }

  // Read documents as they are now, many at a time when there are many events.
  async look(refs) {
    refs.forEach(([ref, how]) => this.looked.set(readRef(ref).id, [ref, how]));
    if (this.looking) return;
    this.looking = true;
    while (this.looked.size && !this.closed) {
      const some = [...this.looked.values()].slice(0, MOST_ROWS);
      some.forEach(([ref]) => this.looked.delete(readRef(ref).id));
      const found = await ask(this.reading(some.map(([ref]) => ref))).catch(() => []);
      this.settle(some, found);
    }
    this.looking = false;
  }

  // The document of each ref; null for one that the filter excludes, false for one that is gone.
  reading(refs) {
    const { holds } = this.planned;
    const found = holds ? { let: [{ d: get(variable("r")) }], in: { if: holds, then: variable("d"), else: null } } : get(variable("r"));
    return map(refs.map(quote), "r", { if: { exists: variable("r") }, then: found, else: false });
  }

  settle(asked, found) {
    const shown = new Map((this.table.current.rows ?? []).map((row) => [idOf(row), row]));
    const changed = [], gone = [];
    found.forEach((doc, index) => {
      const id = readRef(asked[index][0]).id;
      const row = shown.get(id);
      if (doc === false && row) gone.push([id, "deleted"]);
      else if (doc && !(row && equal(row.ts, doc.ts))) changed.push([doc, row ? "changed" : asked[index][1]]);
    });
    this.mark(gone);
    this.show(changed);
  }

  mark(marks) {
    if (!this.closed && marks.length) this.table.current.setMarks((old) => new Map([...old, ...marks]));
  }

  // Put documents into the table: replace the rows of those that are shown, and put new ones before all others.
  show(found) {
    if (this.closed || !found.length) return;
    const docs = new Map(found.map(([doc]) => [idOf(doc), doc]));
    const fresh = found.flatMap(([doc, how]) => (how === "new" ? [doc] : []));
    this.table.current.setRows((old) => {
      const rows = old ?? [];
      const known = new Set(rows.map(idOf));
      return [...fresh.filter((doc) => !known.has(idOf(doc))), ...rows.map((row) => docs.get(idOf(row)) ?? row)].slice(0, MOST_ROWS);
    });
    this.mark(found.map(([doc, how]) => [idOf(doc), how]));
  }
}
