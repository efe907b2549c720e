import type { VNode } from "preact";
import type { StreamState } from "../../api/event-stream.ts";
import { DocumentTree } from "../../components/document-tree/document-tree.tsx";
import { Empty, Loading } from "../../components/loaded.tsx";
import { Panel } from "../../components/panel.tsx";
import { StreamBadge } from "../../components/stream-badge.tsx";
import { useWatchedRoom } from "../../live/use-watched-room.ts";
import type { WatchedRoom } from "../../live/watched-room.ts";
import { PresenceList } from "./presence-list.tsx";
import { UpdatesTable } from "./updates-table.tsx";

/** The room, kept up to date. Watching counts neither as a connection nor as presence. */
export function LiveRoom({ room }: { readonly room: string }): VNode {
  const { state, watched } = useWatchedRoom(room);
  const present = watched.present.value;
  return (
    <div class="watch">
      <Panel title="Document" class="document" beside={<StreamBadge state={state} />}>
        <Document state={state} watched={watched} />
      </Panel>
      <Panel title={present === undefined ? "Present" : `Present (${present.length})`}>
        {present === undefined ? <Pending state={state} /> : <PresenceList present={present} />}
      </Panel>
      <Panel title="Updates" class="updates">
        <UpdatesTable updates={watched.updates.value} present={present ?? []} />
      </Panel>
    </div>
  );
}

interface DocumentProps {
  readonly state: StreamState;
  readonly watched: WatchedRoom;
}

function Document({ state, watched }: DocumentProps): VNode {
  const roots = watched.roots.value;
  const problem = watched.problem.value;
  return (
    <>
      {state.status === "ended" && <Empty>{state.reason}</Empty>}
      {problem !== undefined && <Empty>{problem}</Empty>}
      {problem === undefined && roots === undefined && <Pending state={state} />}
      {problem === undefined && roots !== undefined && <DocumentTree roots={roots} />}
    </>
  );
}

function Pending({ state }: { readonly state: StreamState }): VNode | null {
  return state.status === "ended" ? null : <Loading />;
}
