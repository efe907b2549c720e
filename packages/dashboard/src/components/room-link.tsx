import type { VNode } from "preact";
import { visible } from "../format/visible.ts";
import { formatRoute, type Route } from "../routing/route.ts";

/** A link that shows the name of the room to which it leads. */
export function RoomLink({ to }: { readonly to: Route & { readonly room: string } }): VNode {
  return (
    <a class="name" dir="auto" href={formatRoute(to)}>
      {visible(to.room)}
    </a>
  );
}
