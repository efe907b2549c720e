import { parentPort } from "node:worker_threads";
import { releaseBytes } from "../../runtime/byte-memory.ts";
import { reasonOf } from "../../runtime/reason.ts";
import { CorruptedError, SnapshotConflictError, StorageError } from "../errors.ts";
import { engineCode, isCorruption } from "./sqlite-errors.ts";
import type {
  CallHandlers,
  CallResult,
  Calls,
  ThreadFailure,
  ThreadReply,
  ThreadRequest,
} from "./thread-messages.ts";

/**
 * Serves calls from the main thread, one after the other.
 *
 * @param open opens the database; called on the first call, and again on the next one if it
 *   threw, so that a database that was unavailable for a while needs no restart
 */
export function serveCalls<Table extends Calls<Table>>(open: () => CallHandlers<Table>): void {
  const port = parentPort;
  if (port === null) throw new Error("This file is the program of a worker thread.");
  let answers: CallHandlers<Table> | undefined;

  const answer = (request: ThreadRequest): CallResult<unknown> => {
    if (request.name === "close") {
      answers?.close();
      return { value: undefined };
    }
    answers ??= open();
    // The types of name and arguments were checked at the call site.
    const call = answers[request.name as keyof Table] as (...args: never[]) => CallResult<unknown>;
    return call.apply(answers, request.args as never[]);
  };

  port.on("message", (request: ThreadRequest) => {
    try {
      const { value, transfer = [] } = answer(request);
      port.postMessage({ id: request.id, value } satisfies ThreadReply, [...transfer]);
    } catch (error) {
      port.postMessage({ id: request.id, failure: asFailure(error) } satisfies ThreadReply);
    } finally {
      releaseBytes(request.args);
    }
  });
}

function asFailure(error: unknown): ThreadFailure {
  const message = reasonOf(error);
  const code = engineCode(error instanceof StorageError ? error.cause : error);
  if (error instanceof SnapshotConflictError) return { kind: "conflict", message, code };
  if (error instanceof CorruptedError || isCorruption(error)) {
    return { kind: "corrupted", message, code };
  }
  return { kind: "storage", message, code };
}
