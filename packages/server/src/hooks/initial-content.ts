import type { Logger } from "pino";
import { isEmpty, type UpdateContents } from "../protocol/update.ts";
import { resultWithin } from "../runtime/time-limit.ts";
import { StorageError } from "../storage/errors.ts";
import { type HookStats, increment } from "./hook-stats.ts";
import type { LoadRoom } from "./hooks.ts";

const LOAD_MS = 10_000;

export interface InitialContentOptions {
  readonly load: LoadRoom;
  /** Determines the contents of an update. @throws MalformedError */
  readonly inspect: (update: Uint8Array) => Promise<UpdateContents>;
  readonly maxDocumentBytes: number;
  readonly stats: HookStats;
  readonly logger: Logger;
  /** How long the application may take, in milliseconds. */
  readonly loadMs?: number;
}

/**
 * The application's initial content for a room that has nothing stored.
 *
 * @returns a valid encoded update; `null` if there is none
 * @throws StorageError if the application fails or returns anything else
 */
export async function initialContent(
  room: string,
  options: InitialContentOptions,
): Promise<Uint8Array | null> {
  const { stats, logger } = options;
  increment(stats.calls, "load");
  try {
    return await checkedContent(await callLoad(room, options), options);
  } catch (cause) {
    increment(stats.failures, "load");
    const message = `load failed for room ${JSON.stringify(room)}`;
    logger.error({ room, err: cause }, "load failed, room not opened");
    throw new StorageError(message, { cause });
  }
}

async function callLoad(room: string, { load, loadMs = LOAD_MS }: InitialContentOptions) {
  const answer = await resultWithin(loadMs, Promise.resolve(room).then(load));
  if (answer !== null) return answer.value;
  throw new Error(`load did not settle within ${loadMs} ms`);
}

async function checkedContent(
  content: Uint8Array | null,
  { inspect, maxDocumentBytes }: InitialContentOptions,
): Promise<Uint8Array | null> {
  if (content === null) return null;
  if (!(content instanceof Uint8Array)) {
    throw new TypeError("load must return a Uint8Array or null");
  }
  if (content.length > maxDocumentBytes) {
    throw new RangeError(
      `load returned ${content.length} bytes; the maximum is ${maxDocumentBytes}`,
    );
  }
  // Copied: the application may keep using its own array.
  const update = content.slice();
  const contents = await inspect(update);
  return isEmpty(contents) ? null : update;
}
