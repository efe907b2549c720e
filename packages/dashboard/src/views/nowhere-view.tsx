import type { VNode } from "preact";
import { Empty } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";

/** For an address that names nothing. */
export function NowhereView(): VNode {
  return (
    <Page title="Page not found">
      <Empty>
        Nothing is at this address. <a href="#/">Go to the overview</a>
      </Empty>
    </Page>
  );
}
