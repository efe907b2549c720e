import type { IncomingHttpHeaders } from "node:http";

/**
 * What a client may do in a room. `read-only`: receive the document and share its own presence.
 * `presence-only`: see the presence of others and share its own, but receive nothing of the document.
 */
export type AccessLevel = "read-write" | "read-only" | "presence-only";

export const ACCESS_LEVELS = [
  "read-write",
  "read-only",
  "presence-only",
] as const satisfies readonly AccessLevel[];

/** A client's attempt to join a room. */
export interface Attempt {
  readonly room: string;
  /** The token that the client presents, unverified; `undefined` if it presents none. */
  readonly token: string | undefined;
  /** The client's address, as determined by `clientAddress`. */
  readonly address: string;
  /** The request's `Origin`; `undefined` if the client is not a browser. */
  readonly origin: string | undefined;
  /**
   * The request's headers, such as cookies. Only a custom `access` receives them; otherwise this is
   * empty.
   */
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/** The access that was granted. */
export interface Access {
  /** The application's identifier for the client; `null` if unknown. */
  readonly subject: string | null;
  readonly level: AccessLevel;
  /** When the access expires, in milliseconds since the epoch; `null` if it does not. */
  readonly expiresAt: number | null;
  /**
   * True if the decision rests on earlier knowledge because the authority is unavailable now. A recheck of
   * a connection keeps it open and tries again later.
   */
  readonly isProvisional?: boolean | undefined;
}

/** Decides what each client may do in each room. */
export interface AccessControl {
  /**
   * Decides on one attempt. It may reuse a recent decision, and must settle within seconds.
   *
   * @throws AccessDeniedError
   * @throws AccessUnavailableError
   */
  authorize(attempt: Attempt): Promise<Access>;

  /**
   * Forgets earlier decisions for a room: every later call to `authorize` decides on the current state.
   * To recheck a room, forget it and authorize the attempts of all its connections again, including those
   * still waiting for a decision: theirs may be based on the old state.
   */
  forget(room: string): void;

  /** Aborts pending calls, which reject with AccessUnavailableError. */
  close(): void;
}

/**
 * `AccessControl.authorize`, for access control that caches no decisions.
 *
 * @throws AccessDeniedError
 * @throws AccessUnavailableError
 */
export type Authorize = (attempt: Attempt) => Access | Promise<Access>;

/** `unauthenticated`: the client's identity is not established. `forbidden`: it may not join the room. */
export type Denial = "unauthenticated" | "forbidden";

/** Access is denied. The message may be shown to the client, and fits into a WebSocket close reason. */
export class AccessDeniedError extends Error {
  override readonly name = "AccessDeniedError";
  readonly denial: Denial;

  constructor(denial: Denial, message: string) {
    super(message);
    this.denial = denial;
  }
}

/**
 * Access cannot be decided at the moment, so it is not granted. The message is for the operator, not for
 * the client.
 */
export class AccessUnavailableError extends Error {
  override readonly name = "AccessUnavailableError";
}

const MAX_TOKEN_LENGTH = 32_768;

/** Run this check on every token before any other use of it. @throws AccessDeniedError */
export function checkTokenLength(token: string): void {
  if (token.length <= MAX_TOKEN_LENGTH) return;
  throw new AccessDeniedError(
    "unauthenticated",
    `the token has more than ${MAX_TOKEN_LENGTH} characters`,
  );
}
