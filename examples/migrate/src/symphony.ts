import { setTimeout as pause } from "node:timers/promises";
import { type Answer, reasonOf, request } from "./request.ts";
import { StopError } from "./stop-error.ts";

export interface SymphonyOptions {
  /** `http://…` of a server, or of what stands before several. */
  readonly url: string;
  /** Its `ADMIN_TOKEN`. */
  readonly token: string | undefined;
  /** How often a request is made, when the server cannot answer it now. */
  readonly attempts: number;
  /** Is told why an attempt has to be repeated, and when. */
  readonly onRetry: (why: string, pauseMs: number) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** The answers after which the same request may succeed a little later. */
const TRY_AGAIN: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/**
 * A running Symphony, by its HTTP API. What it cannot answer now is tried again after growing, random
 * pauses. Every call may throw a `StopError`: the server cannot be reached, or lets nobody in.
 */
export class Symphony {
  readonly #options: SymphonyOptions;

  constructor(options: SymphonyOptions) {
    this.#options = options;
  }

  /** Finds out early that the address or the token is wrong. @throws StopError */
  async greet(): Promise<void> {
    const answer = await this.#ask("GET", "/api/rooms?limit=1");
    if (answer.status === 200) return;
    throw new StopError(`${this.#options.url} does not answer as expected: ${reasonOf(answer)}`);
  }

  /**
   * Resolves when the update is durable. Sending it again is harmless: updates merge.
   *
   * @throws Error when it is refused
   */
  async send(room: string, update: Uint8Array): Promise<void> {
    const answer = await this.#ask("POST", pathOf(room, "/updates"), update);
    if (answer.status !== 204) throw new Error(`the server refuses it: ${reasonOf(answer)}`);
  }

  /** The document of a room as an update; `null` when there is no such room. @throws Error */
  async document(room: string): Promise<Uint8Array | null> {
    const answer = await this.#ask("GET", pathOf(room, "/document"));
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw new Error(`the server does not give it: ${reasonOf(answer)}`);
    return answer.body;
  }

  /** Whether there is such a room by now. @throws Error when it can have none of that name */
  async has(room: string): Promise<boolean> {
    const answer = await this.#ask("GET", pathOf(room, ""));
    if (answer.status === 404) return false;
    if (answer.status !== 200) throw new Error(`the server refuses the room: ${reasonOf(answer)}`);
    return true;
  }

  async #ask(method: "GET" | "POST", path: string, update?: Uint8Array): Promise<Answer> {
    const { url, token, attempts, onRetry } = this.#options;
    const call = { method, url: url + path, token, ...(update === undefined ? {} : { update }) };
    for (let attempt = 1; ; attempt += 1) {
      const answer = await request(call);
      const isFinal = attempt === attempts;
      if (answer instanceof Error) {
        if (isFinal) throw new StopError(`${url} cannot be reached: ${answer.message}`);
      } else if (isFinal || !TRY_AGAIN.has(answer.status)) {
        return forThisRoom(answer);
      }
      const pauseMs = pauseAfter(attempt, answer);
      onRetry(answer instanceof Error ? answer.message : reasonOf(answer), pauseMs);
      await pause(pauseMs);
    }
  }
}

/** The room is in the query, because a path cannot hold every name. */
function pathOf(room: string, what: "" | "/document" | "/updates"): string {
  return `/api/rooms/-${what}?room=${encodeURIComponent(room)}`;
}

/** @throws StopError when all rooms would be answered like that */
function forThisRoom(answer: Answer): Answer {
  const { status, location } = answer;
  if (status === 401 || status === 403) {
    const advice = "set ADMIN_TOKEN to that of the server";
    throw new StopError(`the server does not let this program in (${advice}): ${reasonOf(answer)}`);
  }
  if (status >= 300 && status < 400) {
    throw new StopError(`the server redirects to ${location ?? "nowhere"}: give --to that address`);
  }
  return answer;
}

function pauseAfter(attempt: number, answer: Answer | Error): number {
  const longest = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
  const wanted = answer instanceof Error ? 0 : Math.min(answer.pauseMs, LONGEST_PAUSE_MS);
  return Math.max(longest * (0.5 + Math.random() / 2), wanted);
}
