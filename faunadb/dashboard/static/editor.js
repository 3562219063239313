// Text editors: CodeMirror in a shadow root. There its style sheets are adopted, which a strict content policy allows.

import { allForms } from "./api.js";
import * as cm from "./vendor/editor.js";
import { html, useEffect, useRef } from "./vendor/view.js";

const { EditorView, tags } = cm;

const colours = cm.HighlightStyle.define([
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword, tags.atom], color: "var(--code-number)" },
  { tag: [tags.propertyName, tags.labelName], color: "var(--code-key)" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: "var(--code-call)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--soft)", fontStyle: "italic" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

const theme = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--field)", fontSize: "13px", borderRadius: "6px", border: "1px solid var(--line-strong)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", overflow: "auto", maxHeight: "var(--editor-height, 60vh)", minHeight: "var(--editor-least, 0)" },
  ".cm-content": { caretColor: "var(--text)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--raised)", color: "var(--soft)", border: "none", borderRadius: "6px 0 0 6px" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "var(--selection)" },
  ".cm-matchingBracket": { backgroundColor: "var(--selection) !important", outline: "1px solid var(--line-strong)" },
  ".cm-tooltip": { backgroundColor: "var(--page)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "6px", boxShadow: "var(--shadow)", fontFamily: "var(--mono)", fontSize: "12px", maxWidth: "min(40rem, 92vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px", lineHeight: "1.5" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.85", marginLeft: "0.3em" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionInfo": { padding: "6px 10px", maxWidth: "24rem", fontFamily: "var(--sans)" },
  ".cm-completionIcon": { width: "1.2em", color: "inherit", opacity: "0.7" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
  ".cm-panels input, .cm-panels button": { color: "var(--text)", background: "var(--field)", border: "1px solid var(--line-strong)", borderRadius: "4px" },
  ".cm-placeholder": { color: "var(--soft)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)", padding: "6px 10px", whiteSpace: "pre-wrap" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad) 1px", textUnderlineOffset: "3px", backgroundColor: "var(--bad-back)" },
  ".cm-lint-marker-error": { content: "'●'", color: "var(--bad)", textAlign: "center" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--raised)", color: "var(--soft)", border: "1px solid var(--line)" },
  ".cm-changedLine, .cm-insertedLine": { backgroundColor: "var(--good-back) !important" },
  ".cm-changedText, .cm-insertedLine ins": { background: "var(--good-mark) !important", textDecoration: "none" },
  ".cm-deletedChunk": { backgroundColor: "var(--bad-back) !important", paddingLeft: "6px" },
  ".cm-deletedChunk .cm-deletedText, .cm-deletedText": { background: "var(--bad-mark) !important", textDecoration: "none" },
  ".cm-collapsedLines": { background: "var(--raised)", color: "var(--soft)" },
});

const LANGUAGES = { javascript: cm.javascriptLanguage, python: cm.pythonLanguage, json: cm.jsonLanguage };

// Completion

const CALLS = { Collection: "collections", Class: "collections", Documents: "collections", Index: "indexes", Match: "indexes", Function: "functions", Call: "functions", Role: "roles", Database: "databases" };
const CALLED = /(?:^|[^\w])(?:q\.)?(\w+)\(\s*["'`]([\w%.~!$+@-]*)$/;
const PYTHON = { collection: "Collection", class_: "Class", documents: "Documents", index: "Index", match: "Match", function: "Function", call: "Call", role: "Role", database: "Database" };

// Completes names of schema items inside the calls that take them.
function nameCompletion(names) {
  return (context) => {
    const before = context.state.sliceDoc(Math.max(0, context.pos - 200), context.pos);
    const match = CALLED.exec(before);
    const kind = match && CALLS[PYTHON[match[1]] || match[1]];
    if (!kind) return null;
    const options = (names()[kind] || []).map((label) => ({ label, type: "constant", detail: kind }));
    return { from: context.pos - match[2].length, options, validFor: /^[\w%.~!$+@-]*$/ };
  };
}

function formOptions(forms, style) {
  const python = style === "python";
  return forms.filter((form) => form[style]).map((form) => {
    const given = form[python ? "pythonArguments" : "javascriptArguments"];
    const option = { label: form[style], type: "function", detail: `(${given})`, info: form.summary || undefined };
    return cm.snippetCompletion(`${form[style]}(${given ? "${}" : ""})`, option);
  });
}

// Completes names of forms, with or without q. before them.
function formCompletion(style) {
  let options = null;
  return async (context) => {
    const word = context.matchBefore(/[A-Za-z_]\w*$/);
    if (!word && !context.explicit && !context.matchBefore(/\bq\.$/)) return null;
    if (cm.syntaxTree(context.state).resolveInner(context.pos, -1).name.match(/String|Comment/)) return null;
    options ??= formOptions(await allForms(), style);
    return { from: word ? word.from : context.pos, options, validFor: /^\w*$/ };
  };
}

// The signature of the call around the cursor.
function signatureHelp(style) {
  const place = (state) => {
    const call = callAround(state.sliceDoc(Math.max(0, state.selection.main.head - 2000), state.selection.main.head));
    return call && known?.get(call) ? { pos: state.selection.main.head, above: true, create: () => ({ dom: hint(known.get(call)) }) } : null;
  };
  let known = null;
  allForms().then((forms) => { known = new Map(forms.map((form) => [form[style], form])); });
  const hint = (form) => {
    const dom = document.createElement("div");
    dom.className = "cm-signature";
    dom.style.padding = "4px 8px";
    dom.textContent = `${form[style]}(${form[style === "python" ? "pythonArguments" : "javascriptArguments"]})`;
    return dom;
  };
  return cm.StateField.define({
    create: () => null,
    update: (value, transaction) => (transaction.docChanged || transaction.selection ? (transaction.isUserEvent("input") || value ? place(transaction.state) : null) : value),
    provide: (field) => cm.showTooltip.from(field),
  });
}

// The name of the innermost call that is open at the end of a text.
function callAround(text) {
  let depth = 0;
  for (let index = text.length - 1; index >= 0; index -= 1) {
    if (")]}".includes(text[index])) depth += 1;
    else if ("([{".includes(text[index])) {
      if (depth === 0 && text[index] === "(") return /(\w+)\s*$/.exec(text.slice(0, index))?.[1] ?? null;
      depth = Math.max(0, depth - 1);
    }
  }
  return null;
}

// Marks a change that came from a new value of the component, not from typing.
const fromOutside = cm.Annotation.define();

function extensions({ language, readOnly, label, names, onChange, keys, hint, lines = true, wraps = true }) {
  const common = [
    theme, cm.syntaxHighlighting(colours), cm.bracketMatching(), cm.search({ top: true }), LANGUAGES[language] ?? [],
    wraps ? EditorView.lineWrapping : [],
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", autocapitalize: "off" }),
    lines ? [cm.lineNumbers(), cm.foldGutter()] : [],
  ];
  const base = cm.keymap.of([...cm.searchKeymap, ...cm.foldKeymap]);
  if (readOnly) return [common, base, cm.EditorState.readOnly.of(true), EditorView.contentAttributes.of({ tabindex: "0", "aria-readonly": "true" })];
  const completes = language !== "json";
  return [
    common, cm.history(), cm.drawSelection(), cm.closeBrackets(), cm.indentOnInput(), cm.indentUnit.of(language === "python" ? "    " : "  "),
    completes ? cm.autocompletion({ override: [nameCompletion(names ?? (() => ({}))), formCompletion(language)], activateOnTypingDelay: 50 }) : [],
    completes ? signatureHelp(language) : [],
    hint ? cm.placeholder(hint) : [],
    cm.Prec.highest(cm.keymap.of(keys ?? [])),
    // Tab moves to the next control, as everywhere on the page; Ctrl-] and Ctrl-[ indent.
    cm.keymap.of([...cm.closeBracketsKeymap, ...cm.completionKeymap, ...cm.historyKeymap, ...cm.defaultKeymap]), base,
    EditorView.updateListener.of((update) => { if (update.docChanged && !update.transactions.some((each) => each.annotation(fromOutside))) onChange?.(update.state.doc.toString()); }),
  ];
}

// If a line has more characters than this, lines are not wrapped: finding where to break it would take too long.
const LONG_LINE = 20_000;

function hasLongLine(text) {
  for (let start = 0; text.length - start > LONG_LINE;) {
    const end = text.indexOf("\n", start);
    if (end < 0 || end - start > LONG_LINE) return true;
    start = end + 1;
  }
  return false;
}

function mount(host, state) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  return new EditorView({ state, parent: root, root });
}

// value: the text; a new one replaces what is in the editor. problems: [{start, end, message}], marked in the text.
export function Editor({ value, language = "javascript", readOnly = false, label, onChange, keys, names, problems = [], hint, handle, lines, tall }) {
  const host = useRef(null);
  const view = useRef(null);
  const latest = useRef({});
  latest.current = { onChange, names, keys };
  // Texts that were typed but have not come back as the value yet: during fast typing, older values still arrive.
  const typed = useRef([]);
  useEffect(() => {
    const bound = (keys ?? []).map(({ key }) => ({ key, run: (target) => latest.current.keys.find((each) => each.key === key).run(target) }));
    const setup = extensions({
      language, readOnly, label, hint, lines, keys: bound, wraps: !hasLongLine(value),
      names: () => latest.current.names?.() ?? {},
      onChange: (text) => { typed.current.push(text); latest.current.onChange?.(text); },
    });
    view.current = mount(host.current, cm.EditorState.create({ doc: view.current?.state.doc.toString() ?? value, extensions: setup }));
    if (handle) handle.current = view.current;
    return () => view.current.destroy();
  }, [language, readOnly, label]);
  useEffect(() => {
    const place = typed.current.lastIndexOf(value);
    if (place >= 0) { typed.current.splice(0, place + 1); return; }
    typed.current = [];
    const { state } = view.current;
    if (state.doc.toString() !== value) view.current.dispatch({ changes: { from: 0, to: state.doc.length, insert: value }, annotations: fromOutside.of(true) });
  }, [value]);
  useEffect(() => {
    const { length } = view.current.state.doc;
    // A problem at the end of the text is marked at the last character.
    const shown = problems.map(({ start, end, message }) => ({ from: Math.max(0, Math.min(start, length - 1)), to: Math.min(Math.max(end, start + 1), length), severity: "error", message }));
    view.current.dispatch(cm.setDiagnostics(view.current.state, shown));
    if (shown.length) view.current.dispatch({ effects: EditorView.scrollIntoView(shown[0].from) });
  }, [problems, language]);
  return html`<div class=${`editor${tall ? " tall" : ""}`} ref=${host}></div>`;
}

// The differences between two texts, in one column.
export function Difference({ before, after, label, language = "json" }) {
  const host = useRef(null);
  useEffect(() => {
    const merge = cm.unifiedMergeView({ original: before, mergeControls: false, gutter: true, collapseUnchanged: { margin: 3, minSize: 6 } });
    const setup = [extensions({ language, readOnly: true, label }), merge];
    const view = mount(host.current, cm.EditorState.create({ doc: after, extensions: setup }));
    return () => view.destroy();
  }, [before, after, label]);
  return html`<div class="editor" ref=${host}></div>`;
}

// The place of the member at a path in a JSON text: {start, end}. If it is not there, that of the nearest one around it.
export function placeInJson(text, path) {
  const tree = cm.jsonLanguage.parser.parse(text);
  let node = tree.topNode.firstChild;
  let found = { start: 0, end: Math.min(1, text.length) };
  for (const part of path) {
    let next = null;
    if (node?.name === "Object") {
      for (let member = node.firstChild; member; member = member.nextSibling) {
        const name = member.name === "Property" ? member.firstChild : null;
        if (name && JSON.parse(text.slice(name.from, name.to)) === part) { next = member.lastChild; found = { start: name.from, end: member.to }; }
      }
    } else if (node?.name === "Array") {
      const items = [];
      for (let item = node.firstChild; item; item = item.nextSibling) if (!["[", "]", ","].includes(item.name)) items.push(item);
      next = items[Number(part)] ?? null;
      if (next) found = { start: next.from, end: next.to };
    }
    if (!next) break;
    node = next;
  }
  return found;
}
