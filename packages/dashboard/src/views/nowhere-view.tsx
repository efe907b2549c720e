import type { VNode } from "preact";
import { Empty } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";

/** Shown for unknown addresses. */
export function NowhereView(): VNode {
  return (
    <Page title="Page not found">
      <Empty>
        There is nothing at this address. <a href="#/">Go to the overview</a>
      </Empty>
    </Page>
  );
}
