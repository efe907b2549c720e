import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  decodeProtectedHeader,
  errors,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { LruMap } from "../runtime/lru-map.ts";
import { AccessDeniedError, AccessUnavailableError } from "./access.ts";
import { fetchText } from "./fetch-text.ts";
import { serviceUrl } from "./service-url.ts";
import { accessErrorOf, TIMES, type TokenVerifier, type VerifiedToken } from "./token-verifier.ts";

/** Asymmetric ones only: with HS256 anybody could sign with the public key as the secret. */
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

const MAX_KEYS_BYTES = 256 * 1024;
const TIMEOUT_MS = 3_000;
/** How long a token of an unknown key is refused without a look for new keys. */
const COOLDOWN_MS = 5_000;
/** Keys that are withdrawn are accepted no longer than that, if the key set can be fetched. */
const MAX_AGE_MS = 10 * 60_000;
/** While it cannot be, the last keys are accepted for that long. */
const MAX_OUTAGE_MS = 24 * 60 * 60_000;
/** Names of unknown keys that are remembered. */
const MAX_UNKNOWN_KEYS = 1_000;
/** From one attempt to fetch the keys to the next, however many tokens come meanwhile. */
const RETRY_MS = 1_000;

interface FetchedKeys {
  readonly keys: JWTVerifyGetKey;
  readonly names: ReadonlySet<string | undefined>;
  readonly at: number;
}

/**
 * Verifies tokens with public keys that are published (JWKS). A new key is found by its `kid`. Keys
 * outlive an outage of where they are published: nobody is refused because of it.
 */
export class RemoteKeys implements TokenVerifier {
  readonly #url: URL;
  readonly #closing: AbortController = new AbortController();
  #keys: JWTVerifyGetKey;
  /** The last ones that were fetched, and when. */
  #last: FetchedKeys | null = null;
  /** When a key was first asked for that is not in the set. */
  readonly #unknown: LruMap<string, number> = new LruMap(MAX_UNKNOWN_KEYS);

  /**
   * @param url of the key set, as in `AUTH_JWKS_URL`; it is fetched with the first token
   * @throws ConfigError
   */
  constructor(url: string) {
    this.#url = serviceUrl("AUTH_JWKS_URL", url);
    this.#keys = this.#noKeys();
  }

  async verify(token: string): Promise<VerifiedToken> {
    const before = this.#last;
    try {
      return await verified(token, this.#keys, false);
    } catch (error) {
      const isOld = this.#last === before;
      if (isOld && error instanceof errors.JWKSNoMatchingKey) this.#checkUnknown(token);
      const accessError = accessErrorOf(error);
      if (accessError instanceof AccessDeniedError) throw accessError;
      return this.#verifyWithLast(token, accessError);
    }
  }

  /**
   * A key may be new, and the set was fetched just before: this is no reason to refuse its tokens for
   * good.
   */
  #checkUnknown(token: string): void {
    const { kid } = decodeProtectedHeader(token);
    if (kid === undefined || this.#last?.names.has(kid)) return;
    const since = this.#unknown.get(kid) ?? performance.now();
    if (this.#last !== null && this.#last.at > since) return;
    this.#unknown.set(kid, since);
    throw new AccessUnavailableError("the key of the token is not known yet");
  }

  async #verifyWithLast(token: string, failure: AccessUnavailableError): Promise<VerifiedToken> {
    if (this.#last === null || performance.now() - this.#last.at > MAX_OUTAGE_MS) throw failure;
    try {
      return await verified(token, this.#last.keys, true);
    } catch (error) {
      // It may be signed with a newer key.
      if (error instanceof errors.JWKSNoMatchingKey) throw failure;
      throw accessErrorOf(error);
    }
  }

  forget(): void {
    this.#keys = this.#noKeys();
  }

  close(): void {
    this.#closing.abort(new Error("the server is shutting down"));
  }

  #noKeys(): JWTVerifyGetKey {
    let askedAt = Number.NEGATIVE_INFINITY;
    const fetchKeys: FetchImplementation = async (url, options) => {
      // The library's own cooldown begins with a success; this one holds for failures, too.
      const now = performance.now();
      if (now - askedAt < RETRY_MS) throw new Error("they could not be fetched just now");
      askedAt = now;
      const signal = AbortSignal.any([options.signal, this.#closing.signal]);
      const { status, text } = await fetchText(url, { ...options, signal }, MAX_KEYS_BYTES);
      if (status !== 200) throw new Error(`AUTH_JWKS_URL answered with status ${status}`);
      // Anything else is not taken for keys by the library either.
      const set = JSON.parse(text) as JSONWebKeySet;
      const keys = createLocalJWKSet(set);
      const names = new Set(set.keys.map(({ kid }) => kid));
      for (const kid of this.#last?.names ?? []) {
        // It has been withdrawn, and is not one that may still come.
        if (kid !== undefined && !names.has(kid)) this.#unknown.set(kid, Number.NEGATIVE_INFINITY);
      }
      this.#last = { keys, names, at: now };
      return new Response(text);
    };
    return createRemoteJWKSet(this.#url, {
      timeoutDuration: TIMEOUT_MS,
      cooldownDuration: COOLDOWN_MS,
      cacheMaxAge: MAX_AGE_MS,
      [customFetch]: fetchKeys,
    });
  }
}

async function verified(
  token: string,
  keys: JWTVerifyGetKey,
  isProvisional: boolean,
): Promise<VerifiedToken> {
  const { payload } = await jwtVerify(token, keys, { ...TIMES, algorithms: ALGORITHMS });
  return { claims: payload, isProvisional };
}
