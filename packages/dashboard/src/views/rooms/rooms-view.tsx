import type { VNode } from "preact";
import type { RoomList } from "../../../../server/src/http/api/schemas.ts";
import { listRooms } from "../../api/rooms.ts";
import { useResource } from "../../api/use-resource.ts";
import { Empty, Loaded } from "../../components/loaded.tsx";
import { Page } from "../../components/page.tsx";
import { SearchField } from "../../components/search-field.tsx";
import { formatPlural } from "../../format/numbers.ts";
import { visible } from "../../format/visible.ts";
import { replaceRoute } from "../../routing/location.ts";
import type { RoomsRoute } from "../../routing/route.ts";
import { Pages } from "./pages.tsx";
import { RoomsTable } from "./rooms-table.tsx";

const TYPING_MS = 250;
const REFRESH_MS = 10_000;

/** The list of all rooms. The server searches, sorts and paginates. */
export function RoomsView({ route }: { readonly route: RoomsRoute }): VNode {
  const { search, sort, order, cursor } = route;
  const rooms = useResource(
    (signal) => listRooms(route, signal),
    [search, sort, order, cursor],
    REFRESH_MS,
  );
  return (
    <Page title="Rooms">
      <div class="toolbar">
        <SearchField
          label="Search by name"
          value={search}
          delayMs={TYPING_MS}
          onChange={(text) => replaceRoute({ ...route, search: text, cursor: "", page: 1 })}
        />
        <p class="summary" role="status">
          {rooms.data && formatPlural(rooms.data.total, "room")}
        </p>
      </div>
      <div class="panel flush">
        <Loaded of={rooms}>{(list) => <RoomsPage route={route} list={list} />}</Loaded>
      </div>
    </Page>
  );
}

function RoomsPage({
  route,
  list,
}: {
  readonly route: RoomsRoute;
  readonly list: RoomList;
}): VNode {
  if (list.rooms.length === 0) {
    return route.search === "" ? (
      <Empty>There are no rooms yet. A room is created when a client connects to it.</Empty>
    ) : (
      <Empty>No room matches “{visible(route.search)}”.</Empty>
    );
  }
  return (
    <>
      <RoomsTable rooms={list.rooms} route={route} />
      <Pages route={route} list={list} />
    </>
  );
}
