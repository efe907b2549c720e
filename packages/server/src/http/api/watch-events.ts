import type { UpdateContents } from "../../protocol/update.ts";
import type { PresenceJson } from "./schemas.ts";

/** A multiple of 3, so that the Base64 of each piece has no padding. */
const BYTES_PER_PIECE = 12 * 1024;
const CLIENTS_PER_PIECE = 100;

/** One `update` event per update, in pieces. */
export function* updateEvents(
  updates: readonly Uint8Array[],
  contents: readonly UpdateContents[],
): Generator<string, void> {
  const at = new Date().toISOString();
  for (const [i, update] of updates.entries()) {
    const { runs = [] } = contents[i] ?? {};
    const clients = [...new Set(Array.from(runs).filter((_, field) => field % 3 === 0))];
    const head = JSON.stringify({ at, bytes: update.length, clients });
    yield `event: update\ndata: ${head.slice(0, -1)},"update":"`;
    yield* base64(update);
    yield `"}\n\n`;
  }
}

function* base64({ buffer, byteOffset, length }: Uint8Array): Generator<string, void> {
  const bytes = Buffer.from(buffer, byteOffset, length);
  for (let start = 0; start < length; start += BYTES_PER_PIECE) {
    yield bytes.toString("base64", start, Math.min(start + BYTES_PER_PIECE, length));
  }
}

/** A `presence` event, in pieces. @param clients all present clients */
export function* presenceEvent(clients: PresenceJson["clients"]): Generator<string, void> {
  yield `event: presence\ndata: {"clients":[`;
  for (let start = 0; start < clients.length; start += CLIENTS_PER_PIECE) {
    const piece = JSON.stringify(clients.slice(start, start + CLIENTS_PER_PIECE)).slice(1, -1);
    yield start === 0 ? piece : `,${piece}`;
  }
  yield "]}\n\n";
}
