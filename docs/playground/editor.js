// Editors of YAML that underline problems, and XML in colour.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { xmlLanguage } from "@codemirror/lang-xml";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { forEachDiagnostic, lintGutter, linter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState, Prec, Transaction } from "@codemirror/state";
import {
  drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers,
} from "@codemirror/view";
import { classHighlighter, highlightCode } from "@lezer/highlight";

import { problemText } from "./problems.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const SEVERITIES = { error: "error", warning: "warning", note: "info" };

function scheme() {
  return EditorView.theme({}, { dark: dark.matches });
}

/** Let the next Tab leave the editor, however long it takes; CodeMirror's own mode ends after two seconds. */
function letTabLeave(view) {
  view.setTabFocusMode(true);
  return false;
}

/** `onChange` is called when the text changes by hand, `onProblems` with the problems of the line of the cursor. */
export function editor(parent, { label, describedBy, onChange, onProblems }) {
  const schemes = new Compartment();
  const view = new EditorView({
    parent,
    state: EditorState.create({
      extensions: [
        lineNumbers(), highlightActiveLineGutter(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(),
        bracketMatching(), highlightActiveLine(), indentUnit.of("  "), yaml(), syntaxHighlighting(classHighlighter),
        linter(null), lintGutter(), schemes.of(scheme()),
        Prec.highest(keymap.of([{ key: "Escape", run: letTabLeave }])),
        keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap, indentWithTab]),
        EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": describedBy, spellcheck: "false" }),
        EditorView.updateListener.of((update) => {
          const isByHand = update.transactions.some((each) => each.annotation(Transaction.userEvent));
          if (update.docChanged && isByHand) onChange();
          if (update.docChanged || update.focusChanged) update.view.setTabFocusMode(false);
          onProblems(problemsAt(update.state));
        }),
      ],
    }),
  });
  dark.addEventListener("change", () => view.dispatch({ effects: schemes.reconfigure(scheme()) }));
  return view;
}

export function textOf(view) {
  return view.state.doc.toString();
}

export function replaceText(view, text) {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: 0 }, scrollIntoView: true });
}

function problemsAt(state) {
  const line = state.doc.lineAt(state.selection.main.head);
  const found = [];
  forEachDiagnostic(state, (diagnostic, from, to) => {
    if (from <= line.to && to >= line.from) found.push(diagnostic.problem);
  });
  return found;
}

function range(state, problem) {
  const line = state.doc.line(Math.min(problem.line ?? 1, state.doc.lines));
  const from = Math.min(line.from + (problem.from ?? 0), line.to);
  return { from, to: Math.min(Math.max(line.from + (problem.to ?? 0), from + 1), Math.max(line.to, from)) };
}

/** Underline problems at their places; one without a place has the first line. */
export function showProblems(view, problems) {
  const diagnostics = problems.map((problem) => ({
    ...range(view.state, problem),
    severity: SEVERITIES[problem.severity],
    message: `${problem.code} ${problem.message}`,
    renderMessage: () => problemText(problem),
    problem,
  }));
  view.dispatch(setDiagnostics(view.state, diagnostics));
}

export function goTo(view, problem) {
  const { from, to } = range(view.state, problem);
  view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
  view.focus();
}

/** XML as a fragment of the document, with the classes of its syntax. */
export function colouredXml(text) {
  const fragment = document.createDocumentFragment();
  const put = (code, classes) => {
    if (!classes) return fragment.append(code);
    const span = document.createElement("span");
    span.className = classes;
    span.textContent = code;
    fragment.append(span);
  };
  highlightCode(text, xmlLanguage.parser.parse(text), classHighlighter, put, () => fragment.append("\n"));
  return fragment;
}
