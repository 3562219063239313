// The preferences that this browser keeps in its local storage; never a secret or a document.

const KEY = "faunadb.preferences";

const read = () => { try { return JSON.parse(localStorage.getItem(KEY)) ?? {}; } catch { return {}; } };
const keep = (name, value) => localStorage.setItem(KEY, JSON.stringify({ ...read(), [name]: value }));

export const preferences = {
  // The style of FQL: javascript or python.
  get style() { return read().style ?? "javascript"; },
  set style(value) { keep("style", value); },
  // The theme: auto, light or dark.
  get theme() { return read().theme ?? "auto"; },
  set theme(value) { keep("theme", value); applyTheme(); },
  // Rows on a page.
  get size() { return read().size ?? 25; },
  set size(value) { keep("size", value); },
  columns: (place) => read().columns?.[place] ?? null,
  setColumns: (place, columns) => keep("columns", { ...read().columns, [place]: columns }),
};

export function applyTheme() {
  const { theme } = preferences;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
