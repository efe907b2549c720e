import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

// Colours are the page's own variables, so that light and dark need no second theme.
const frame = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "inherit", lineHeight: "1.85" },
  ".cm-content": {
    padding: "var(--sheet-padding)",
    caretColor: "var(--text)",
    // A name beside a cursor at the right edge is cut off there instead of making the text scroll.
    overflowX: "clip",
  },
  ".cm-line": { padding: "0" },
  ".cm-placeholder": { color: "var(--text-quiet)" },
});

const markdownStyle = HighlightStyle.define([
  { tag: tags.heading1, fontSize: "1.55em", fontWeight: "700" },
  { tag: tags.heading2, fontSize: "1.3em", fontWeight: "700" },
  { tag: tags.heading, fontSize: "1.1em", fontWeight: "700" },
  { tag: tags.strong, fontWeight: "700" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: tags.strikethrough, textDecoration: "line-through" },
  { tag: tags.quote, color: "var(--text-soft)", fontStyle: "italic" },
  { tag: tags.link, color: "var(--accent)" },
  { tag: tags.url, color: "var(--accent)" },
  { tag: tags.monospace, fontFamily: "var(--mono)", fontSize: "0.92em" },
  { tag: [tags.processingInstruction, tags.contentSeparator], color: "var(--text-quiet)" },
]);

// The binding shows a name only under the pointer. Here everybody sees at a glance who writes what.
const remoteCursors = EditorView.theme({
  ".cm-yLineSelection": { margin: "0" },
  ".cm-ySelectionCaretDot": { display: "none" },
  ".cm-ySelectionInfo, .cm-ySelectionCaret:hover > .cm-ySelectionInfo": {
    top: "-1.25em",
    padding: "0.1em 0.45em 0.15em",
    borderRadius: "0.4em 0.4em 0.4em 0",
    fontFamily: "var(--sans)",
    fontSize: "0.6875rem",
    fontWeight: "600",
    lineHeight: "1.3",
    opacity: "1",
    pointerEvents: "none",
  },
});

/** How the text, its Markdown and the other people's cursors look. */
export const editorTheme: Extension = [frame, syntaxHighlighting(markdownStyle), remoteCursors];
