import type { VNode } from "preact";
import type { Order, SortKey } from "../../api/rooms-query.ts";
import { formatRoute, type RoomsRoute } from "../../routing/route.ts";

interface Props {
  readonly label: string;
  readonly by: SortKey;
  readonly route: RoomsRoute;
  readonly class?: string;
}

/** Names are looked through from the first, everything else from the newest or largest. */
const FIRST_ORDER: Readonly<Record<SortKey, Order>> = {
  name: "asc",
  bytes: "desc",
  updated: "desc",
  created: "desc",
};

/** The heading of a column by which the list can be sorted; the other way round the second time. */
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
