import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";
import { visible } from "../format/visible.ts";

interface Props {
  readonly class?: string;
  /** May take a while and may reject; the error is then shown next to the button. */
  act(): Promise<void>;
  readonly children: ComponentChildren;
}

/** A button that triggers an action on the server. */
export function ActionButton({ act, children, ...props }: Props): VNode {
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState("");
  const start = async (): Promise<void> => {
    setBusy(true);
    setMessage("");
    try {
      await act();
    } catch (error) {
      setMessage(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  return (
    <span class="action">
      <button type="button" class={props.class ?? ""} disabled={busy} onClick={() => void start()}>
        {children}
      </button>
      <span class="action-message" role="alert">
        {visible(message)}
      </span>
    </span>
  );
}
