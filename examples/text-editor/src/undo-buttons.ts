import type * as Y from "yjs";

/** Makes two buttons undo and redo this page's own edits, and dims them while there are none. */
export function undoButtons(
  undoManager: Y.UndoManager,
  undo: HTMLButtonElement,
  redo: HTMLButtonElement,
): void {
  const show = () => {
    // Not `disabled`, which would take the focus away from a button that was just pressed.
    undo.ariaDisabled = String(!undoManager.canUndo());
    redo.ariaDisabled = String(!undoManager.canRedo());
  };
  undo.addEventListener("click", () => undoManager.undo());
  redo.addEventListener("click", () => undoManager.redo());
  undoManager.on("stack-item-added", show);
  undoManager.on("stack-item-popped", show);
  undoManager.on("stack-cleared", show);
  show();
}
