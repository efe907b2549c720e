import { z } from "zod";
import { misspelt } from "../runtime/nearest-name.ts";
import { reasonOf } from "../runtime/reason.ts";
import {
  ACCESS_LEVELS,
  type Access,
  AccessUnavailableError,
  type Attempt,
  type Denial,
} from "./access.ts";
import { fetchText, type TextAnswer } from "./fetch-text.ts";

/** The application's decision. */
export interface WebhookAnswer {
  readonly verdict: Access | Denial;
  /** Until when it may be reused for the same request, in milliseconds since the epoch. */
  readonly freshUntil: number;
}

const MAX_ANSWER_BYTES = 64 * 1024;
/** How long a response without `max-age` is cached, in seconds. */
const DEFAULT_MAX_AGE_S = 10;
const MAX_AGE_S = 3600;
/** Denials are cached at least this long, whatever the response says: rejected clients keep retrying. */
const MIN_REFUSAL_MS = 1_000;

const GRANT = z.object({
  subject: z.string().nullish(),
  access: z.enum(ACCESS_LEVELS),
  expiresAt: z.number().nullish(),
});

/**
 * Asks the application: `POST {room, token, address}`, where the token is `null` if there is none.
 * It responds with 200 and `{subject?, access, expiresAt?}` (milliseconds since the epoch), with 401
 * or with 403. `Cache-Control` sets how long the response may be cached.
 *
 * @throws AccessUnavailableError for any other response, or if there is none
 */
export async function askApplication(
  url: URL,
  { room, token, address }: Pick<Attempt, "room" | "token" | "address">,
  signal: AbortSignal,
): Promise<WebhookAnswer> {
  const request = {
    method: "POST",
    redirect: "manual",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ room, token: token ?? null, address }),
    signal,
  } as const;
  try {
    return readAnswer(await fetchText(url, request, MAX_ANSWER_BYTES));
  } catch (error) {
    const reason = reasonOf(error);
    throw new AccessUnavailableError(`AUTH_WEBHOOK_URL gave no usable response: ${reason}`, {
      cause: error,
    });
  }
}

function readAnswer({ status, headers, text }: TextAnswer): WebhookAnswer {
  const now = Date.now();
  const freshUntil = now + maxAgeOf(headers) * 1000;
  switch (status) {
    case 200: {
      const access = readGrant(text, now);
      const { expiresAt } = access;
      return { verdict: access, freshUntil: Math.min(freshUntil, expiresAt ?? freshUntil) };
    }
    case 401:
      return { verdict: "unauthenticated", freshUntil: Math.max(freshUntil, now + MIN_REFUSAL_MS) };
    case 403:
      return { verdict: "forbidden", freshUntil: Math.max(freshUntil, now + MIN_REFUSAL_MS) };
    default:
      throw new Error(`status ${status}`);
  }
}

function readGrant(text: string, now: number): Access {
  const { subject = null, access, expiresAt = null } = parseGrant(text);
  if (expiresAt !== null && expiresAt <= now) {
    throw new Error(
      `expiresAt=${expiresAt} is in the past; it must be in milliseconds since the epoch`,
    );
  }
  return { subject, level: access, expiresAt };
}

function parseGrant(text: string): z.infer<typeof GRANT> {
  const answer = parseBody(text);
  const parsed = GRANT.safeParse(answer);
  if (parsed.success) {
    const wrong = misspelt(Object(answer), Object.keys(GRANT.shape));
    if (wrong !== undefined) throw new Error(wrong);
    return parsed.data;
  }
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join(".") || "the body"}: ${issue?.message}`);
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes some of the text, which may contain the token.
    throw new Error("the body is not JSON");
  }
}

function maxAgeOf(headers: Headers): number {
  const control = headers.get("cache-control") ?? "";
  if (/\bno-(store|cache)\b/i.test(control)) return 0;
  const [, seconds = DEFAULT_MAX_AGE_S] = /\bmax-age=(\d+)/i.exec(control) ?? [];
  return Math.min(Number(seconds), MAX_AGE_S);
}
