import * as Y from "yjs";
import { fetchDocument } from "../client/join.ts";
import type { Endpoint } from "../client/websocket-client.ts";
import { encodeUpdate, TEXT_ROOT } from "./author.ts";
import type { Ledger } from "./ledger.ts";
import { roomName, type Workload } from "./workload.ts";

/**
 * Joins every room and compares what the server answers with the union of all that was sent there.
 * Throws at the first room that differs.
 */
export async function checkConvergence(
  endpoint: Endpoint,
  workload: Workload,
  ledger: Ledger,
): Promise<void> {
  for (let room = 0; room < workload.rooms; room++) {
    const expected = new Y.Doc();
    const first = room * workload.membersPerRoom;
    for (let member = first; member < first + workload.membersPerRoom; member++) {
      for (let number = 0; number < ledger.updatesOf(member); number++) {
        Y.applyUpdate(expected, encodeUpdate(member, number));
      }
    }
    const actual = new Y.Doc();
    for (const update of await fetchDocument(endpoint, roomName(room)))
      Y.applyUpdate(actual, update);
    const same =
      Buffer.from(Y.encodeStateAsUpdate(actual)).equals(Y.encodeStateAsUpdate(expected)) &&
      actual.getText(TEXT_ROOT).toString() === expected.getText(TEXT_ROOT).toString();
    if (!same) throw new Error(`${roomName(room)} does not hold what its members wrote`);
    actual.destroy();
    expected.destroy();
  }
}
