// The parts of CodeMirror 6 that the dashboard's editors and comparisons are put together from.
export { EditorState, Compartment, StateEffect, StateField, Prec, RangeSetBuilder } from "@codemirror/state";
export {
  EditorView, keymap, lineNumbers, drawSelection, highlightActiveLine, placeholder, Decoration, hoverTooltip, showTooltip,
} from "@codemirror/view";
export { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
export {
  syntaxHighlighting, HighlightStyle, bracketMatching, indentOnInput, indentUnit, foldGutter, foldKeymap, syntaxTree,
  ensureSyntaxTree,
} from "@codemirror/language";
export { javascriptLanguage } from "@codemirror/lang-javascript";
export { pythonLanguage } from "@codemirror/lang-python";
export { jsonLanguage } from "@codemirror/lang-json";
export { setDiagnostics, lintGutter } from "@codemirror/lint";
export {
  autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, snippetCompletion, startCompletion,
} from "@codemirror/autocomplete";
export { search, searchKeymap, highlightSelectionMatches } from "@codemirror/search";
export { unifiedMergeView } from "@codemirror/merge";
export { tags } from "@lezer/highlight";
