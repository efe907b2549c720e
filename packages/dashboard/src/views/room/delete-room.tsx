import type { TargetedSubmitEvent, VNode } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { deleteRoom } from "../../api/rooms.ts";
import { visible } from "../../format/visible.ts";
import { navigate } from "../../routing/location.ts";
import { parseRoute } from "../../routing/route.ts";

/** Deletes a room after the user has typed its name. */
export function DeleteRoom({ room }: { readonly room: string }): VNode {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState("");

  const open = (): void => {
    setTyped("");
    setMessage("");
    dialog.current?.showModal();
  };
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    // Invisible characters are hard to type, so the escaped form is accepted too.
    if (typed !== room && typed !== visible(room)) {
      setMessage("The name does not match.");
      return;
    }
    setBusy(true);
    try {
      await deleteRoom(room);
      navigate(parseRoute("#/rooms"));
    } catch (error) {
      setMessage(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };

  return (
    <>
      <button type="button" class="danger" onClick={open}>
        Delete…
      </button>
      <dialog ref={dialog} aria-labelledby={`${id}-title`}>
        <form onSubmit={(event) => void submit(event)}>
          <h2 id={`${id}-title`}>Delete this room?</h2>
          <p>
            Its document is deleted on all servers, and all its clients are disconnected. This
            cannot be undone.
          </p>
          <label for={`${id}-name`}>
            To confirm, type the name of the room:{" "}
            <strong class="name" dir="auto">
              {visible(room)}
            </strong>
          </label>
          <input
            id={`${id}-name`}
            type="text"
            autoComplete="off"
            autoCapitalize="none"
            spellcheck={false}
            dir="auto"
            value={typed}
            aria-describedby={`${id}-message`}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
          <p id={`${id}-message`} class="error-text" role="alert">
            {visible(message)}
          </p>
          <div class="actions">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="danger solid" disabled={busy}>
              Delete
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
