import type { TargetedSubmitEvent, VNode } from "preact";
import { useId, useState } from "preact/hooks";
import { ApiError } from "../../api/api-error.ts";
import { signIn } from "../../api/session.ts";
import { Page } from "../../components/page.tsx";

/** A form that asks for the admin token. */
export function SignInView(): VNode {
  const id = useId();
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState("");
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setMessage("");
    try {
      await signIn(token);
    } catch (error) {
      setMessage(explain(error));
      setBusy(false);
    }
  };
  return (
    <Page title="Sign in">
      <form class="panel narrow" onSubmit={(event) => void submit(event)}>
        <label for={`${id}-token`}>Admin token</label>
        <input
          id={`${id}-token`}
          type="password"
          autoComplete="current-password"
          required
          value={token}
          aria-describedby={`${id}-hint ${id}-message`}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
        />
        <p id={`${id}-hint`} class="hint">
          The server's <code>ADMIN_TOKEN</code>.
        </p>
        <p id={`${id}-message`} class="error-text" role="alert">
          {message}
        </p>
        <button type="submit" class="primary" disabled={busy}>
          Sign in
        </button>
      </form>
    </Page>
  );
}

function explain(error: unknown): string {
  if (error instanceof ApiError && error.status === 401) return "Wrong admin token.";
  return error instanceof Error ? error.message : String(error);
}
