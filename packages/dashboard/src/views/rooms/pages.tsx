import type { VNode } from "preact";
import type { RoomList } from "../../../../server/src/http/api/schemas.ts";
import { PAGE_SIZE } from "../../api/rooms.ts";
import { formatCount } from "../../format/numbers.ts";
import { formatRoute, type RoomsRoute } from "../../routing/route.ts";

interface Props {
  readonly route: RoomsRoute;
  readonly list: RoomList;
}

/** Pagination links. There is none to the previous page: the browser's Back button leads there. */
export function Pages({ route, list: { rooms, next, total } }: Props): VNode | null {
  if (next === null && route.page === 1) return null;
  const start = (route.page - 1) * PAGE_SIZE;
  return (
    <nav class="pages" aria-label="Pages">
      <p>
        {formatCount(start + 1)}–{formatCount(start + rooms.length)} of {formatCount(total)}
      </p>
      <PageLink label="First page" to={route.page > 1 ? { ...route, cursor: "", page: 1 } : null} />
      <PageLink
        label="Next page"
        to={next === null ? null : { ...route, cursor: next, page: route.page + 1 }}
      />
    </nav>
  );
}

/** @param to `null` if there is no such page */
function PageLink({
  label,
  to,
}: {
  readonly label: string;
  readonly to: RoomsRoute | null;
}): VNode {
  if (to === null) return <span class="button disabled">{label}</span>;
  return (
    <a class="button" href={formatRoute(to)}>
      {label}
    </a>
  );
}
