import type { HttpBindings } from "@hono/node-server";
import type { z } from "@hono/zod-openapi";
import type { ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Logger } from "pino";
import { RoomNameError } from "../../protocol/room-name.ts";
import { TooLargeError } from "../../protocol/too-large-error.ts";
import { PeerError } from "../../replication/peers.ts";
import { RegistryError } from "../../replication/registry.ts";
import { DeletedError } from "../../room/deletions.ts";
import { ClosedError } from "../../room/room-table.ts";
import { OverBudgetError, WorkerError } from "../../room/worker-errors.ts";
import type { ApiEnv } from "../../runtime/http/api-hono.ts";
import { problem } from "../../runtime/http/problem.ts";
import { CorruptedError, StorageError } from "../../storage/errors.ts";
import { InvalidCursorError } from "../../storage/sql/rooms-cursor.ts";
import { problemSchema } from "./schemas.ts";

/** A request that is answered with an error. The message is shown to whoever made it. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

export function noSuchRoom(name: string): ApiProblem {
  return new ApiProblem(404, `there is no room ${JSON.stringify(name)}`);
}

/** Answers every error as a problem; those that nobody expects are logged. */
export function answerErrors(logger: Logger): ErrorHandler<ApiEnv> {
  return (error, c) => {
    const status = statusOf(error);
    if (status === null && isCutOff(c.env.incoming)) {
      return problem(400, "the request ended before it was complete");
    }
    if (status === null) {
      logger.error({ err: error, method: c.req.method, path: c.req.path }, "a request failed");
      return problem(500, "the request failed; the server's log says why");
    }
    const response = problem(status, error.message);
    if (status === 401) response.headers.set("www-authenticate", "Bearer");
    return response;
  };
}

/** Whether the sender has gone in the middle of a request, which is no failure of the server. */
function isCutOff({ complete, destroyed }: HttpBindings["incoming"]): boolean {
  return destroyed && !complete;
}

function statusOf(error: Error): number | null {
  if (error instanceof ApiProblem || error instanceof HTTPException) return error.status;
  if (error instanceof RoomNameError || error instanceof InvalidCursorError) return 400;
  if (error instanceof DeletedError) return 409;
  if (error instanceof TooLargeError) return 413;
  if (error instanceof OverBudgetError) return error.budget === "queue" ? 503 : 422;
  if (error instanceof CorruptedError) return 500;
  if (UNAVAILABLE.some((type) => error instanceof type)) return 503;
  return null;
}

/** Trying again later may succeed. */
const UNAVAILABLE = [StorageError, RegistryError, PeerError, WorkerError, ClosedError];

/**
 * The first thing that is wrong with the parameters of a request, or with its JSON.
 *
 * @param input the parameters by name; what is not among them is not shown
 */
export function invalidParameters(
  error: z.ZodError,
  input: Readonly<Record<string, string>>,
): ApiProblem {
  const [issue] = error.issues;
  const name = issue?.path.join(".") ?? "";
  const value = input[name];
  const shown = value === undefined ? name : `${name} is ${JSON.stringify(value.slice(0, 100))}`;
  return new ApiProblem(400, `${shown}: ${issue?.message ?? "not valid"}`);
}

const WHEN: Readonly<Record<number, string>> = {
  400: "A parameter, the room name or the body is malformed or unknown; the detail says which and why.",
  401: "Neither a right token nor a session.",
  403: "ADMIN_TOKEN is not set and the request is not from this machine, or another site made it.",
  404: "There is no such room.",
  406: "None of the accepted types can be given.",
  409: "The room is being deleted at this moment.",
  413: "Too large.",
  415: "The body has another content type than the one described.",
  422: "The document takes more time or memory than a room may use; the detail says which.",
  429: "Too many wrong tokens from this address; try again later.",
  503: "A server or store that is needed does not answer now, or too much is under way.",
};

/** Describes the errors that a route may answer with; those of access come with each. */
export function problems(...statuses: number[]): ProblemResponses {
  return openProblems(...statuses, 400, 401, 403, 406, 429, 503);
}

/** The same for a route that needs no access. */
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
