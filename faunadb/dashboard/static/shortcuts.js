// Keyboard shortcuts that work everywhere, and their list. The key in a control's data-key presses that control.

import { go } from "./route.js";
import { Dialog } from "./ui.js";
import { html } from "./vendor/view.js";

const PLACES = { o: [], q: ["query"], c: ["collections"], i: ["indexes"], f: ["functions"], r: ["roles"], k: ["keys"], d: ["databases"], a: ["activity"] };

const LIST = [
  ["Everywhere", [["?", "this list"], ["/", "filter the documents"], ["m", "the list of what is here (on a phone)"], ["g then o, q, c, i", "go to overview, query, collections, indexes"], ["g then f, r, k, d, a", "go to functions, roles, keys, databases, activity"], ["Tab, Enter", "every control, in order"], ["Esc", "close a dialog or menu"]]],
  ["Lists and documents", [["n, p", "next and previous page"], ["r", "read again"], ["c", "make a new one"], ["e", "edit"], ["h", "history of a document"], ["Ctrl-S", "review and save what is edited"]]],
  ["Query", [["Ctrl-Enter", "run what is selected, or everything"], ["Alt-↑, Alt-↓", "earlier and later queries"], ["Ctrl-Space", "complete"], ["Ctrl-F", "search in the text"], ["Ctrl-], Ctrl-[", "indent more, less"], ["Tab", "leave the editor"]]],
];

export function Shortcuts({ onClose }) {
  return html`<${Dialog} title="Keyboard shortcuts" onClose=${onClose} wide=${true}><div class="shortcuts">${LIST.map(([title, keys]) => html`<section key=${title}><h3>${title}</h3><dl>${keys.map(([key, what]) => html`<dt key=${key}><kbd>${key}</kbd></dt><dd>${what}</dd>`)}</dl></section>`)}</div><//>`;
}

const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable=true], .editor") !== null || document.querySelector("dialog[open]") !== null;

export function listenForKeys({ help, menu }) {
  let going = false;
  const press = (event) => {
    if (event.key === "Escape") document.querySelectorAll("details.menu[open]").forEach((each) => { each.open = false; each.querySelector("summary").focus(); });
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.composedPath()[0]) || isTyping(event.target)) return;
    const act = action(event.key, going);
    going = event.key === "g" && !going;
    if (act) { event.preventDefault(); act(); }
  };
  const action = (key, afterG) => {
    if (afterG) return PLACES[key] && (() => go(PLACES[key]));
    if (key === "?") return help;
    if (key === "m") return menu;
    if (key === "/") return () => document.getElementById("filter-field")?.focus();
    const control = /^[a-z]$/.test(key) && document.querySelector(`main [data-key="${key}"]:not([disabled])`);
    return control ? () => control.click() : null;
  };
  // Menus close when something else is clicked.
  const outside = (event) => document.querySelectorAll("details.menu[open]").forEach((each) => { if (!each.contains(event.target)) each.open = false; });
  addEventListener("keydown", press);
  addEventListener("pointerdown", outside);
  return () => { removeEventListener("keydown", press); removeEventListener("pointerdown", outside); };
}
