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
import { LRUCache } from "lru-cache";
import { AccessDeniedError, AccessUnavailableError } from "./access.ts";
import { fetchText } from "./fetch-text.ts";
import { serviceUrl } from "./service-url.ts";
import { accessErrorOf, TIMES, type TokenVerifier, type VerifiedToken } from "./token-verifier.ts";

/** Asymmetric algorithms only: with HS256, anyone could sign with the public key as the secret. */
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

const MAX_KEYS_BYTES = 256 * 1024;
const TIMEOUT_MS = 3_000;
/** After a fetch, how long tokens with an unknown key are refused without fetching the keys again. */
const COOLDOWN_MS = 5_000;
/** Maximum time that a withdrawn key is still accepted, if the key set can be fetched. */
const MAX_AGE_MS = 10 * 60_000;
/** Maximum time that the last keys are accepted while the key set cannot be fetched. */
const MAX_OUTAGE_MS = 24 * 60 * 60_000;
/** How many names of unknown keys are remembered. */
const MAX_UNKNOWN_KEYS = 1_000;
/** Minimum interval between attempts to fetch the keys, regardless of how many tokens arrive. */
const RETRY_MS = 1_000;

interface FetchedKeys {
  readonly keys: JWTVerifyGetKey;
  readonly names: ReadonlySet<string | undefined>;
  readonly at: number;
}

/**
 * Verifies tokens with published public keys (JWKS). A new key is found by its `kid`. While the key
 * set is unavailable, the last known keys stay in use, so that an outage locks nobody out.
 */
export class RemoteKeys implements TokenVerifier {
  readonly #url: URL;
  readonly #closing: AbortController = new AbortController();
  #keys: JWTVerifyGetKey;
  /** The last keys fetched, and when. */
  #last: FetchedKeys | null = null;
  /** When each key that is not in the set was first requested, by `kid`. */
  readonly #unknown: LRUCache<string, number> = new LRUCache({ max: MAX_UNKNOWN_KEYS });

  /**
   * @param url of the key set, as in `AUTH_JWKS_URL`; it is fetched when the first token arrives
   * @throws ConfigError
   */
  constructor(url: string) {
    this.#url = serviceUrl("AUTH_JWKS_URL", url);
    this.#keys = this.#noKeys();
  }

  async verify(token: string): Promise<VerifiedToken> {
    const before = this.#last;
    try {
      return await verifyWith(token, this.#keys, false);
    } catch (error) {
      const isOld = this.#last === before;
      if (isOld && error instanceof errors.JWKSNoMatchingKey) this.#checkUnknown(token);
      const accessError = accessErrorOf(error);
      if (accessError instanceof AccessDeniedError) throw accessError;
      return this.#verifyWithLast(token, accessError);
    }
  }

  /**
   * The key may have been added after the last fetch, so its tokens must not be denied permanently yet.
   */
  #checkUnknown(token: string): void {
    const { kid } = decodeProtectedHeader(token);
    if (kid === undefined || this.#last?.names.has(kid)) return;
    const since = this.#unknown.get(kid) ?? performance.now();
    if (this.#last !== null && this.#last.at > since) return;
    this.#unknown.set(kid, since);
    throw new AccessUnavailableError("the token's key is not known yet");
  }

  async #verifyWithLast(token: string, failure: AccessUnavailableError): Promise<VerifiedToken> {
    if (this.#last === null || performance.now() - this.#last.at > MAX_OUTAGE_MS) throw failure;
    try {
      return await verifyWith(token, this.#last.keys, true);
    } catch (error) {
      // The token may be signed with a newer key.
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
      // The library's own cooldown starts only after a success; this one also covers failures.
      const now = performance.now();
      if (now - askedAt < RETRY_MS) throw new Error("the last attempt to fetch them just failed");
      askedAt = now;
      const signal = AbortSignal.any([options.signal, this.#closing.signal]);
      const { status, text } = await fetchText(url, { ...options, signal }, MAX_KEYS_BYTES);
      if (status !== 200) throw new Error(`AUTH_JWKS_URL responded with status ${status}`);
      // The library rejects anything else as well.
      const set = JSON.parse(text) as JSONWebKeySet;
      const keys = createLocalJWKSet(set);
      const names = new Set(set.keys.map(({ kid }) => kid));
      for (const kid of this.#last?.names ?? []) {
        // This key has been withdrawn; it is not a new one that may still appear.
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

async function verifyWith(
  token: string,
  keys: JWTVerifyGetKey,
  isProvisional: boolean,
): Promise<VerifiedToken> {
  const { payload } = await jwtVerify(token, keys, { ...TIMES, algorithms: ALGORITHMS });
  return { claims: payload, isProvisional };
}
