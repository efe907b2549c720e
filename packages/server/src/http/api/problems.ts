import type { HttpBindings } from "@hono/node-server";
import type { z } from "@hono/zod-openapi";
import type { ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Logger } from "pino";
import { RoomNameError } from "../../protocol/room-name.ts";
import { TooLargeError } from "../../protocol/too-large-error.ts";
import { PeerError } from "../../replication/peers.ts";
import { RegistryError } from "../../replication/registry.ts";
import { DeletedError } from "../../room/deleted-rooms.ts";
import { ClosedError } from "../../room/room-table.ts";
import { OverBudgetError, WorkerError } from "../../room/workers/worker-errors.ts";
import type { ApiEnv } from "../../runtime/http/api-hono.ts";
import { problem } from "../../runtime/http/problem.ts";
import { CorruptedError, StorageError } from "../../storage/errors.ts";
import { InvalidCursorError } from "../../storage/sql/rooms-cursor.ts";
import { problemSchema } from "./schemas.ts";

/** Answers a request with an error. The message is sent to the client. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

export function noSuchRoom(name: string): ApiProblem {
  return new ApiProblem(404, `room ${JSON.stringify(name)} does not exist`);
}

/** Answers every error as a problem. Unexpected errors are logged. */
export function answerErrors(logger: Logger): ErrorHandler<ApiEnv> {
  return (error, c) => {
    const status = problemStatusOf(error);
    if (status === null && isCutOff(c.env.incoming)) {
      return problem(400, "the request ended before it was complete");
    }
    if (status === null) {
      logger.error({ err: error, method: c.req.method, path: c.req.path }, "request failed");
      return problem(500, "the request failed; see the server's log");
    }
    const response = problem(status, error.message);
    if (status === 401) response.headers.set("www-authenticate", "Bearer");
    return response;
  };
}

/** Whether the client disconnected in the middle of its request, which is not a server failure. */
function isCutOff({ complete, destroyed }: HttpBindings["incoming"]): boolean {
  return destroyed && !complete;
}

function problemStatusOf(error: Error): number | null {
  if (error instanceof ApiProblem || error instanceof HTTPException) return error.status;
  if (error instanceof RoomNameError || error instanceof InvalidCursorError) return 400;
  if (error instanceof DeletedError) return 409;
  if (error instanceof TooLargeError) return 413;
  if (error instanceof OverBudgetError) return error.budget === "queue" ? 503 : 422;
  if (error instanceof CorruptedError) return 500;
  if (UNAVAILABLE.some((type) => error instanceof type)) return 503;
  return null;
}

/** Errors after which a retry may succeed. */
const UNAVAILABLE = [StorageError, RegistryError, PeerError, WorkerError, ClosedError];

/**
 * Reports the first invalid parameter of a request, or the first error in its JSON body.
 *
 * @param input the parameters by name; values that are not among them are not shown
 */
export function invalidParameters(
  error: z.ZodError,
  input: Readonly<Record<string, string>>,
): ApiProblem {
  const [issue] = error.issues;
  const name = issue?.path.join(".") ?? "";
  const value = input[name];
  const shown = value === undefined ? name : `${name} is ${JSON.stringify(value.slice(0, 100))}`;
  return new ApiProblem(400, `${shown}: ${issue?.message ?? "invalid"}`);
}

const WHEN: Readonly<Record<number, string>> = {
  400: "A parameter, the room name or the body is malformed or unknown; the detail says which and why.",
  401: "Neither a valid token nor a session.",
  403: "ADMIN_TOKEN is not set and the request is not from the same machine, or it came from another site.",
  404: "The room does not exist.",
  406: "None of the accepted types is available.",
  409: "The room is being deleted.",
  413: "Too large.",
  415: "The body does not have the documented content type.",
  422: "The document takes more time or memory than a room may use; the detail says which.",
  429: "Too many wrong tokens from this address; try again later.",
  503: "A required server or store is unavailable, or the server is overloaded; try again later.",
};

/** Describes the errors that a route may return, including those of access control. */
export function problems(...statuses: number[]): ProblemResponses {
  return openProblems(...statuses, 400, 401, 403, 406, 429, 503);
}

/** The same for a route without access control. */
export function openProblems(...statuses: number[]): ProblemResponses {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: WHEN[status] ?? "",
        content: { "application/problem+json": { schema: problemSchema } },
      },
    ]),
  );
}

type ProblemResponses = Record<
  number,
  { description: string; content: { "application/problem+json": { schema: typeof problemSchema } } }
>;
