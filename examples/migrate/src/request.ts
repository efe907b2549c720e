import { messageOf } from "./document.ts";

export interface Request {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly token: string | undefined;
  readonly update?: Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly pauseMs: number;
  /** Where a redirect leads. */
  readonly location: string | null;
}

const UPDATE_TYPE = "application/octet-stream";
/** For the whole request, with all that it moves. */
const LIMIT_MS = 300_000;

/** Makes a request once. @returns an error when nothing, or not all, came back */
export async function request({ method, url, token, update }: Request): Promise<Answer | Error> {
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(update === undefined ? {} : { "content-type": UPDATE_TYPE }),
      },
      ...(update === undefined ? {} : { body: new Uint8Array(update) }),
      // A POST that is redirected may become a GET.
      redirect: "manual",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const seconds = Number(response.headers.get("retry-after"));
    return {
      status: response.status,
      body: new Uint8Array(await response.arrayBuffer()),
      pauseMs: Number.isFinite(seconds) ? seconds * 1000 : 0,
      location: response.headers.get("location"),
    };
  } catch (error) {
    // What went wrong is in the cause; the message is always "fetch failed".
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return new Error(messageOf(cause), { cause: error });
  }
}

/** The status, and what an answer with an error says. */
export function reasonOf({ status, body }: Answer): string {
  const text = Buffer.from(body).toString();
  return `${status} ${detailOf(text) ?? text.slice(0, 200)}`.trim();
}

/** The part of a problem (RFC 9457) that is for people. */
function detailOf(text: string): string | undefined {
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem !== "object" || problem === null || !("detail" in problem)) return undefined;
    return typeof problem.detail === "string" ? problem.detail : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
