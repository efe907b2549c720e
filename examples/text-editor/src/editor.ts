import { markdown, markdownLanguage } from "@codemirror/lang-markdown";
import { EditorSelection, EditorState } from "@codemirror/state";
import { type Command, EditorView, type KeyBinding, keymap, placeholder } from "@codemirror/view";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { editorTheme } from "./editor-theme.ts";

export interface EditorOptions {
  readonly parent: HTMLElement;
  readonly text: Y.Text;
  readonly awareness: Awareness;
  readonly undoManager: Y.UndoManager;
  /** Shows the text, and does not let it be changed. */
  readonly readOnly: boolean;
}

/** A Markdown editor of `text` that shows everybody's cursor. */
export function createEditor(options: EditorOptions): EditorView {
  const { parent, text, awareness, undoManager, readOnly } = options;
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: text.toString(),
      extensions: [
        keymap.of([...yUndoManagerKeymap, ...wholeDocumentKeymap]),
        markdown({ base: markdownLanguage }),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": "Shared text", spellcheck: "true" }),
        EditorState.readOnly.of(readOnly),
        placeholder(
          readOnly
            ? "You may read what others write here."
            : "Type here. Everybody in this room sees it at once.",
        ),
        editorTheme,
        yCollab(text, awareness, { undoManager }),
      ],
    }),
  });
}

function moveTo(end: (state: EditorState) => { anchor: number; head: number }): Command {
  return (view) => {
    const { anchor, head } = end(view.state);
    view.dispatch({ selection: EditorSelection.single(anchor, head), scrollIntoView: true });
    return true;
  };
}

// The browser's own handling of these keys knows only the lines that are on the screen.
const wholeDocumentKeymap: readonly KeyBinding[] = [
  { key: "Mod-a", run: moveTo(({ doc }) => ({ anchor: 0, head: doc.length })) },
  {
    key: "Mod-Home",
    mac: "Cmd-ArrowUp",
    run: moveTo(() => ({ anchor: 0, head: 0 })),
    shift: moveTo(({ selection }) => ({ anchor: selection.main.anchor, head: 0 })),
  },
  {
    key: "Mod-End",
    mac: "Cmd-ArrowDown",
    run: moveTo(({ doc }) => ({ anchor: doc.length, head: doc.length })),
    shift: moveTo(({ doc, selection }) => ({ anchor: selection.main.anchor, head: doc.length })),
  },
];
