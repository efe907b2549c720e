import type { VNode } from "preact";
import { visible } from "../format/visible.ts";
import { formatRoute, type Route } from "../routing/route.ts";

/** A link to a room, labelled with its name. */
export function RoomLink({ to }: { readonly to: Route & { readonly room: string } }): VNode {
  return (
    <a class="name" dir="auto" href={formatRoute(to)}>
      {visible(to.room)}
    </a>
  );
}
