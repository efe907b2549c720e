import type { Fleet } from "../../fleet/fleet.ts";
import type { LiveRoomsChange } from "../../fleet/live-watch.ts";
import type { EventStream, StreamOwner } from "./event-stream.ts";

/** How many rooms are written at a time. */
const ROOMS_PER_PIECE = 100;

/**
 * Streams to one client which rooms have connections. While the client is not reading, changes are merged,
 * so that it gets only the latest state of each room.
 */
export class LiveRoomsFeed implements StreamOwner {
  #stream: EventStream | undefined;
  #pending: LiveRoomsChange | null = null;
  #stop: (() => void) | undefined;

  start(stream: EventStream, fleet: Pick<Fleet, "watchLiveRooms">): void {
    this.#stream = stream;
    this.#stop = fleet.watchLiveRooms((change) => this.#add(change));
  }

  onDrained(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#pending === null || !stream.writable) return;
    const change = this.#pending;
    this.#pending = null;
    stream.write(eventPieces(change));
  }

  onClosed(): void {
    this.#stop?.();
  }

  #add(change: LiveRoomsChange): void {
    const before = this.#pending;
    this.#pending =
      before === null || change.complete
        ? change
        : {
            complete: before.complete,
            rooms: new Map([...before.rooms, ...change.rooms]),
            totals: change.totals,
          };
    this.onDrained();
  }
}

function* eventPieces({ complete, rooms, totals }: LiveRoomsChange): Generator<string, void> {
  yield `event: rooms\ndata: ${JSON.stringify({ complete, totals }).slice(0, -1)},"rooms":[`;
  let separator = "";
  let piece: { name: string; connections: number; servers: readonly string[] }[] = [];
  const text = () => {
    const json = separator + JSON.stringify(piece).slice(1, -1);
    separator = ",";
    piece = [];
    return json;
  };
  for (const [name, { connections, servers }] of rooms) {
    piece.push({ name, connections, servers });
    if (piece.length === ROOMS_PER_PIECE) yield text();
  }
  if (piece.length > 0) yield text();
  yield "]}\n\n";
}
