import type { VNode } from "preact";
import { checkAccess } from "../../api/session.ts";
import { ActionButton } from "../../components/action-button.tsx";
import { Page } from "../../components/page.tsx";

/** Shown if the server does not admit browsers from this browser's location. */
export function ForbiddenView({ reason }: { readonly reason: string }): VNode {
  return (
    <Page title="Access denied">
      <div class="panel narrow">
        <p>{reason}</p>
        <p>
          Without <code>ADMIN_TOKEN</code>, the dashboard is available only to browsers on the
          server's own machine. Set <code>ADMIN_TOKEN</code> on every server, restart the servers,
          and sign in with the token.
        </p>
        <ActionButton act={() => checkAccess(AbortSignal.timeout(10_000))}>Try again</ActionButton>
      </div>
    </Page>
  );
}
