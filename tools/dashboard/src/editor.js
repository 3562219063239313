// The parts of CodeMirror 6 that the dashboard's editors and comparisons are put together from.
export { Annotation, EditorState, StateField, Prec } from "@codemirror/state";
export {
  EditorView, keymap, lineNumbers, drawSelection, placeholder, showTooltip,
} from "@codemirror/view";
export { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
export {
  syntaxHighlighting, HighlightStyle, bracketMatching, indentOnInput, indentUnit, foldGutter, foldKeymap, syntaxTree,
} from "@codemirror/language";
export { javascriptLanguage } from "@codemirror/lang-javascript";
export { pythonLanguage } from "@codemirror/lang-python";
export { jsonLanguage } from "@codemirror/lang-json";
export { setDiagnostics } from "@codemirror/lint";
export {
  autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, snippetCompletion,
} from "@codemirror/autocomplete";
export { search, searchKeymap } from "@codemirror/search";
export { unifiedMergeView } from "@codemirror/merge";
export { tags } from "@lezer/highlight";
