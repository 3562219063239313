// The queries that this browser remembers for each database. Secrets are never among them.

import { authorization, session } from "./api.js";
import { useEffect, useState } from "./vendor/view.js";

const MOST = 200;
// Texts with one of these words may contain a password, and are kept only in the tab.
const SENSITIVE = /password|credentials|secret|login|identify/i;

const read = (store, key) => { try { return JSON.parse(store.getItem(key)) ?? []; } catch { return []; } };
const write = (store, key, list) => { store.setItem(key, JSON.stringify(list)); return list; };

// The key of a database: the global id that the server gives for it.
export function useDatabaseKey() {
  const [key, setKey] = useState("");
  useEffect(() => {
    let current = true;
    fetch("/authorized", { credentials: "omit", headers: { authorization: authorization() } })
      .then((response) => response.json()).then((found) => { if (current) setKey(found.global_id || "root"); }, () => {});
    return () => { current = false; };
  }, [session.secret, session.path.join("/")]);
  return key;
}

export function kept(key) { return read(localStorage, `faunadb.saved.${key}`); }
kept.save = (key, name, text) => write(localStorage, `faunadb.saved.${key}`, [...kept(key).filter((each) => each.name !== name), { name, text }].sort((a, b) => a.name.localeCompare(b.name)));
kept.remove = (key, name) => write(localStorage, `faunadb.saved.${key}`, kept(key).filter((each) => each.name !== name));

export function histories(key) {
  const name = `faunadb.history.${key}`;
  return [...read(sessionStorage, name), ...read(localStorage, name)].sort((a, b) => b.at - a.at);
}

export function remember(key, text) {
  const name = `faunadb.history.${key}`;
  const store = SENSITIVE.test(text) ? sessionStorage : localStorage;
  write(store, name, [{ text, at: Date.now() }, ...read(store, name).filter((each) => each.text !== text)].slice(0, MOST));
}

export function clearHistory(key) {
  for (const store of [sessionStorage, localStorage]) store.removeItem(`faunadb.history.${key}`);
}
