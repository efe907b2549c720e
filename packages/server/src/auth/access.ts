import type { IncomingHttpHeaders } from "node:http";

/**
 * What somebody may do in a room. `read-only`: receives the document, and shows its presence.
 * `presence-only`: sees who is there and shows its presence, but gets nothing of the document.
 */
export type AccessLevel = "read-write" | "read-only" | "presence-only";

export const ACCESS_LEVELS = [
  "read-write",
  "read-only",
  "presence-only",
] as const satisfies readonly AccessLevel[];

/** Somebody wants to enter a room. */
export interface Attempt {
  readonly room: string;
  /** What the client presents, unchecked; `undefined` when it presents nothing. */
  readonly token: string | undefined;
  /** The client's address, as `clientAddress` finds it. */
  readonly address: string;
  /** The `Origin` of the request; `undefined` when a program asks that is not a browser. */
  readonly origin: string | undefined;
  /**
   * Of the request, such as its cookies. Only an `access` that an application gave is told of them; for
   * others there are none.
   */
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/** What was granted. */
export interface Access {
  /** Who this is to the application; `null` when nobody said. */
  readonly subject: string | null;
  readonly level: AccessLevel;
  /** When the access ends, in milliseconds since the epoch; `null` when it does not. */
  readonly expiresAt: number | null;
  /**
   * Decided by what was known before, because who decides cannot be asked now. Whoever checks a
   * connection again keeps it, and asks again.
   */
  readonly isProvisional?: boolean | undefined;
}

/** Decides who may do what in which room. */
export interface AccessControl {
  /**
   * May answer from what it has seen a short time ago. It settles within seconds.
   *
   * @throws AccessDeniedError
   * @throws AccessUnavailableError
   */
  authorize(attempt: Attempt): Promise<Access>;

  /**
   * Forgets earlier answers for a room: every `authorize` that is called from now on decides by what
   * holds now. To check a room again, forget it and authorize the attempts of all its connections,
   * also of those that still wait for an answer: theirs may be an old one.
   */
  forget(room: string): void;

  /** Gives up what is under way; those who wait for it get an AccessUnavailableError. */
  close(): void;
}

/**
 * `AccessControl.authorize` of those who remember no answers.
 *
 * @throws AccessDeniedError
 * @throws AccessUnavailableError
 */
export type Authorize = (attempt: Attempt) => Access | Promise<Access>;

/** `unauthenticated`: it is not known who this is. `forbidden`: this one may not enter the room. */
export type Denial = "unauthenticated" | "forbidden";

/** Access is refused. The message may be shown to the client, and fits the reason of a WebSocket close. */
export class AccessDeniedError extends Error {
  override readonly name = "AccessDeniedError";
  readonly denial: Denial;

  constructor(denial: Denial, message: string) {
    super(message);
    this.denial = denial;
  }
}

/**
 * It cannot be found out now whether access is allowed, so it is not. The message is for the operator
 * and not for the client.
 */
export class AccessUnavailableError extends Error {
  override readonly name = "AccessUnavailableError";
}

const MAX_TOKEN_LENGTH = 32_768;

/** Every token is checked with this before anything else is done with it. @throws AccessDeniedError */
export function checkTokenLength(token: string): void {
  if (token.length <= MAX_TOKEN_LENGTH) return;
  throw new AccessDeniedError(
    "unauthenticated",
    `the token has more than ${MAX_TOKEN_LENGTH} characters`,
  );
}
