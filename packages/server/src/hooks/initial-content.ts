import type { Logger } from "pino";
import { isEmpty, type UpdateContents } from "../protocol/update.ts";
import { resultWithin } from "../runtime/within.ts";
import { StorageError } from "../storage/errors.ts";
import { count, type HookStats } from "./hook-stats.ts";
import type { LoadRoom } from "./hooks.ts";

const LOAD_MS = 10_000;

export interface InitialContentOptions {
  readonly load: LoadRoom;
  /** Says what an update holds. @throws MalformedError */
  readonly inspect: (update: Uint8Array) => Promise<UpdateContents>;
  readonly maxDocumentBytes: number;
  readonly stats: HookStats;
  readonly logger: Logger;
  /** How long the application has, in milliseconds. */
  readonly loadMs?: number;
}

/**
 * What the application has of a room that nobody has opened before.
 *
 * @returns an encoded update that is valid; `null` when there is nothing
 * @throws StorageError when the application fails, or gives something else
 */
export async function initialContent(
  room: string,
  options: InitialContentOptions,
): Promise<Uint8Array | null> {
  const { stats, logger } = options;
  count(stats.calls, "load");
  try {
    return await checked(await ask(room, options), options);
  } catch (cause) {
    count(stats.failures, "load");
    const message = `load has failed for room ${JSON.stringify(room)}`;
    logger.error({ room, err: cause }, "load has failed; the room is not opened");
    throw new StorageError(message, { cause });
  }
}

async function ask(room: string, { load, loadMs = LOAD_MS }: InitialContentOptions) {
  const answer = await resultWithin(loadMs, Promise.resolve(room).then(load));
  if (answer !== null) return answer.value;
  throw new Error(`it has not answered within ${loadMs} ms`);
}

async function checked(
  content: Uint8Array | null,
  { inspect, maxDocumentBytes }: InitialContentOptions,
): Promise<Uint8Array | null> {
  if (content === null) return null;
  if (!(content instanceof Uint8Array)) {
    throw new TypeError("it has given something that is no Uint8Array and not null");
  }
  if (content.length > maxDocumentBytes) {
    throw new RangeError(`it has given ${content.length} bytes; ${maxDocumentBytes} are allowed`);
  }
  // The application may go on using its own.
  const update = content.slice();
  const contents = await inspect(update);
  return isEmpty(contents) ? null : update;
}
