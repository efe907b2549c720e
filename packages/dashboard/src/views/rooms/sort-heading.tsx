import type { VNode } from "preact";
import type { Order, SortKey } from "../../api/rooms-query.ts";
import { formatRoute, type RoomsRoute } from "../../routing/route.ts";

interface Props {
  readonly label: string;
  readonly by: SortKey;
  readonly route: RoomsRoute;
  readonly class?: string;
}

/** The initial order of each column: names ascending, everything else newest or largest first. */
const FIRST_ORDER: Readonly<Record<SortKey, Order>> = {
  name: "asc",
  bytes: "desc",
  updated: "desc",
  created: "desc",
};

/** A sortable column heading. A second click reverses the order. */
export function SortHeading({ label, by, route, ...props }: Props): VNode {
  const sorted = route.sort === by ? route.order : undefined;
  const order = sorted === undefined ? FIRST_ORDER[by] : opposite(sorted);
  return (
    <th scope="col" class={props.class ?? ""} aria-sort={sorted && `${sorted}ending`}>
      <a class="sort" href={formatRoute({ ...route, sort: by, order, cursor: "", page: 1 })}>
        {label}
      </a>
    </th>
  );
}

function opposite(order: Order): Order {
  return order === "asc" ? "desc" : "asc";
}
