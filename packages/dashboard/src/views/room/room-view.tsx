import type { VNode } from "preact";
import { ApiError } from "../../api/api-error.ts";
import { downloadUrl, findRoom } from "../../api/rooms.ts";
import { useResource } from "../../api/use-resource.ts";
import { Loaded } from "../../components/loaded.tsx";
import { Page } from "../../components/page.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { formatRoute } from "../../routing/route.ts";
import { DeleteRoom } from "./delete-room.tsx";
import { LiveRoom } from "./live-room.tsx";
import { RoomFacts } from "./room-facts.tsx";
import { StoredDocument } from "./stored-document.tsx";

interface Props {
  readonly room: string;
  /** Whether to watch the room live or show the stored document. */
  readonly live: boolean;
}

const REFRESH_MS = 5_000;

/** One room: its properties and its document. */
export function RoomView({ room, live }: Props): VNode {
  const found = useResource((signal) => findRoom(room, signal), [], REFRESH_MS);
  const { data, error } = found;
  const isMissing = data === undefined && error instanceof ApiError && error.status === 404;
  return (
    <Page
      title={room}
      isName
      above={
        <p class="above">
          <a href={live ? "#/live" : "#/rooms"}>{live ? "Live rooms" : "Rooms"}</a>
        </p>
      }
      beside={!isMissing && <Actions room={room} />}
    >
      <Loaded of={found}>{(known) => <RoomFacts room={known} />}</Loaded>
      {!isMissing && <Content room={room} live={live} />}
    </Page>
  );
}

function Actions({ room }: { readonly room: string }): VNode {
  return (
    <div class="actions">
      <a class="button" href={downloadUrl(room)} download>
        Download
      </a>
      <DeleteRoom room={room} />
    </div>
  );
}

function Content({ room, live }: Props): VNode {
  const tabs = [
    { label: "Stored", href: formatRoute({ view: "room", room }), current: !live },
    { label: "Live", href: formatRoute({ view: "live-room", room }), current: live },
  ];
  return (
    <>
      <Tabs label="Document" tabs={tabs} />
      {live ? <LiveRoom room={room} /> : <StoredDocument room={room} />}
    </>
  );
}
