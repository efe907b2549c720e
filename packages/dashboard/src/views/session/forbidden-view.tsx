import type { VNode } from "preact";
import { checkAccess } from "../../api/session.ts";
import { ActionButton } from "../../components/action-button.tsx";
import { Page } from "../../components/page.tsx";

/** For a server that lets nobody in from where this browser is. */
export function ForbiddenView({ reason }: { readonly reason: string }): VNode {
  return (
    <Page title="The dashboard is closed">
      <div class="panel narrow">
        <p>{reason}</p>
        <p>
          Without an <code>ADMIN_TOKEN</code> the server shows the dashboard only to browsers on its
          own machine. Set <code>ADMIN_TOKEN</code> on every server, restart them, and sign in with
          it.
        </p>
        <ActionButton act={() => checkAccess(AbortSignal.timeout(10_000))}>Try again</ActionButton>
      </div>
    </Page>
  );
}
