import { setTimeout as delay } from "node:timers/promises";
import * as Y from "yjs";
import { fetchDocument } from "../client/join.ts";
import type { Endpoint } from "../client/websocket-client.ts";
import { encodeTyped, TEXT_ROOT } from "./author.ts";
import type { Ledger } from "./ledger.ts";
import { roomOf, type Workload } from "./workload.ts";

/**
 * A server may show others only durable updates, and the last ones become durable a moment later.
 */
const DURABLE_MS = 5_000;
const RETRY_MS = 50;

/**
 * Joins every room and compares the server's answer with the union of everything that was sent
 * there. Throws at the first room that differs.
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
      const to = ledger.updatesOf(member);
      if (to > 0) Y.applyUpdate(expected, encodeTyped([{ member, from: 0, to }]));
    }
    const name = roomOf(workload, room);
    const deadline = performance.now() + DURABLE_MS;
    while (!(await holds(endpoint, name, expected))) {
      if (performance.now() > deadline) {
        throw new Error(`${name} does not hold what its members wrote`);
      }
      await delay(RETRY_MS);
    }
    expected.destroy();
  }
}

/** Whether a new client gets this document. */
async function holds(endpoint: Endpoint, room: string, expected: Y.Doc): Promise<boolean> {
  const actual = new Y.Doc();
  for (const update of await fetchDocument(endpoint, room)) Y.applyUpdate(actual, update);
  const same =
    Buffer.from(Y.encodeStateAsUpdate(actual)).equals(Y.encodeStateAsUpdate(expected)) &&
    actual.getText(TEXT_ROOT).toString() === expected.getText(TEXT_ROOT).toString();
  actual.destroy();
  return same;
}
