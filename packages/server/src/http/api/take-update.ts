import type { HonoRequest, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { MalformedError } from "../../protocol/malformed-error.ts";
import { TooLargeError } from "../../protocol/too-large-error.ts";
import { isEmpty, type UpdateContents } from "../../protocol/update.ts";
import { UNKNOWN } from "../../room/origin.ts";
import type { Room } from "../../room/room.ts";
import { within } from "../../runtime/time-limit.ts";
import type { ApiServices } from "./api-services.ts";
import { UPDATE_TYPE } from "./document-download.ts";
import { ApiProblem } from "./problems.ts";

/** How long a request waits for its update to become durable. */
const DURABLE_MS = 10_000;

export function limitUpdate(maxSize: number): MiddlewareHandler {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new ApiProblem(413, `the update is larger than ${maxSize} bytes`);
    },
  });
}

/**
 * Applies the update in a request and waits until it is durable.
 *
 * @throws ApiProblem, StorageError, WorkerError, ClosedError, DeletedError
 */
export async function takeUpdate(
  room: string,
  request: HonoRequest,
  { rooms }: Pick<ApiServices, "rooms">,
): Promise<void> {
  const type = request.header("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== UPDATE_TYPE) {
    throw new ApiProblem(415, `content-type is ${type ?? "missing"}: it must be ${UPDATE_TYPE}`);
  }
  const encoding = request.header("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw new ApiProblem(415, `content-encoding is ${encoding}: the body must not be compressed`);
  }
  const update = new Uint8Array(await request.arrayBuffer());
  if (update.length === 0) throw new ApiProblem(400, "the body is empty: it must be a Yjs update");
  const contents = await inspect(room, update, rooms);
  if (isEmpty(contents)) return;
  if (rooms.journal.full) {
    throw new ApiProblem(503, "the journal's write queue is full; try again later");
  }
  using session = await rooms.open(room);
  // No client of this server wrote it, so none may take it for an acknowledgement.
  const end = submit(session.room, update, contents);
  if (!(await within(DURABLE_MS, rooms.whenDurable(session.room, end)))) {
    throw new ApiProblem(503, "the update was applied but is not yet durable; send it again");
  }
}

function submit(room: Room, update: Uint8Array, contents: UpdateContents): number {
  try {
    return room.submit(update, UNKNOWN, contents);
  } catch (error) {
    if (error instanceof TooLargeError) throw new ApiProblem(413, error.message);
    throw error;
  }
}

async function inspect(
  room: string,
  update: Uint8Array,
  { workers }: ApiServices["rooms"],
): Promise<UpdateContents> {
  try {
    return await workers.run(room, "inspect", update);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new ApiProblem(400, `the body is not a Yjs update: ${error.message}`);
  }
}
