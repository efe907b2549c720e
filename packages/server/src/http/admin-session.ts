import { createHmac, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import { resultWithin } from "../runtime/time-limit.ts";
import type { AdminSessionStore } from "../storage/metadata.ts";

export const SESSION_COOKIE = "symphony_session";

/** How long a session is valid, in seconds. */
export const SESSION_SECONDS: number = 12 * 60 * 60;

const ID_BYTES = 32;
const ID = /^[\w-]{43}$/;
const MAX_KNOWN = 1_000;
/** How long the store may take; after that, this server's own knowledge decides. */
const STORE_MS = 2_000;

interface KnownSession {
  readonly expiresAt: number;
  /** Whether the store has it, so that other servers accept it and can end it. */
  readonly isStored: boolean;
}

/**
 * Sessions begun with the admin token. A session's value is random, so guessing one reveals nothing about
 * the token. The store, which all servers share, holds a digest of the value keyed with the token: a
 * session ends everywhere when its record is deleted or the token changes.
 */
export class AdminSessions {
  readonly #token: string;
  readonly #store: AdminSessionStore | undefined;
  readonly #logger: Logger;
  /** Sessions that this server has seen. They stay valid while the store is unavailable. */
  readonly #known: LRUCache<string, KnownSession> = new LRUCache({ max: MAX_KNOWN });

  constructor(token: string, store: AdminSessionStore | undefined, logger: Logger) {
    this.#token = token;
    this.#store = store;
    this.#logger = logger;
  }

  /**
   * Begins a session. If the store fails, only this server knows the session.
   *
   * @returns the value of the session cookie
   */
  async begin(now: number): Promise<string> {
    const id = randomBytes(ID_BYTES).toString("base64url");
    const key = this.#keyOf(id);
    const expiresAt = now + SESSION_SECONDS * 1_000;
    const isStored = await this.#try(
      "admin session not stored; it is valid on this server only",
      (store) => store.beginSession(key, expiresAt, now),
    );
    this.#known.set(key, { expiresAt, isStored: isStored !== null });
    return id;
  }

  /** Whether this server has accepted the session before and does not know that it has ended. */
  isKnown(id: string, now: number): boolean {
    return (this.#known.get(this.#keyOf(id))?.expiresAt ?? 0) > now;
  }

  /** Whether `id` is the value of a currently valid session. */
  async isValid(id: string, now: number): Promise<boolean> {
    if (!ID.test(id)) return false;
    const key = this.#keyOf(id);
    const known = this.#known.get(key);
    if (known?.isStored === false) return known.expiresAt > now;
    const found = await this.#try("reading admin session failed", (store) => store.session(key));
    if (found === null) return (known?.expiresAt ?? 0) > now;
    const { value: expiresAt } = found;
    if (expiresAt === null || expiresAt <= now) {
      this.#known.delete(key);
      return false;
    }
    this.#known.set(key, { expiresAt, isStored: true });
    return true;
  }

  /** Ends a session on all servers. @throws StorageError if it may still be valid on others */
  async end(id: string): Promise<void> {
    if (!ID.test(id)) return;
    const key = this.#keyOf(id);
    const isStored = this.#known.get(key)?.isStored ?? true;
    this.#known.delete(key);
    if (isStored) await this.#store?.endSession(key);
  }

  #keyOf(id: string): string {
    return createHmac("sha256", this.#token).update(`session ${id}`).digest("base64url");
  }

  /** @returns `null` if there is no store, or it fails or does not respond in time */
  async #try<T>(
    failure: string,
    ask: (store: AdminSessionStore) => Promise<T>,
  ): Promise<{ readonly value: T } | null> {
    if (this.#store === undefined) return null;
    try {
      const answer = await resultWithin(STORE_MS, ask(this.#store));
      if (answer !== null) return answer;
      throw new Error(`no response within ${STORE_MS} ms`);
    } catch (error) {
      this.#logger.warn({ err: error }, failure);
      return null;
    }
  }
}
