import { messageOf } from "./document.ts";
import type { Source } from "./source.ts";

/** A document of the source, and the room in which it will be. */
export interface Move {
  readonly name: string;
  readonly room: string;
}

export interface Failure {
  readonly name: string;
  readonly why: string;
}

export interface Plan {
  readonly moves: readonly Move[];
  readonly failures: readonly Failure[];
}

/** Says which room a document gets, whatever the source says. */
export type RoomMap = ReadonlyMap<string, string>;

/**
 * Finds a room for every document, before anything is sent. Two documents must never meet in one
 * room: they would be merged, and nobody could take them apart again.
 */
export async function makePlan(source: Source, map: RoomMap): Promise<Plan> {
  const byRoom = new Map<string, string[]>();
  const failures: Failure[] = [];
  for await (const name of source.names()) {
    try {
      const room = map.get(name) ?? source.roomOf(name);
      const names = byRoom.get(room);
      if (names === undefined) byRoom.set(room, [name]);
      else names.push(name);
    } catch (error) {
      failures.push({ name, why: `${messageOf(error)}. Name its room with --map` });
    }
  }
  const moves: Move[] = [];
  for (const [room, names] of byRoom) {
    const [name = "", ...others] = names;
    if (others.length === 0) moves.push({ name, room });
    else failures.push(...names.map((one) => ({ name: one, why: sharing(room, names, one) })));
  }
  return { moves, failures };
}

function sharing(room: string, names: readonly string[], one: string): string {
  const others = names.filter((name) => name !== one).map((name) => JSON.stringify(name));
  return (
    `${others.join(" and ")} would be the same room ${JSON.stringify(room)}. ` +
    "Give them different rooms with --map"
  );
}
