import {
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JWTPayload,
  jwtVerify,
} from "jose";
import { fetchText } from "./fetch-text.ts";
import { serviceUrl } from "./service-url.ts";
import { accessErrorOf, TIMES, type TokenVerifier } from "./token-verifier.ts";

/** Asymmetric ones only: with HS256 anybody could sign with the public key as the secret. */
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

const MAX_KEYS_BYTES = 256 * 1024;
const TIMEOUT_MS = 3_000;
/** How long a token of an unknown key is refused without a look for new keys. */
const COOLDOWN_MS = 5_000;
/** Keys that are withdrawn are accepted no longer than that. */
const MAX_AGE_MS = 10 * 60_000;
/** From one attempt to fetch the keys to the next, however many tokens come meanwhile. */
const RETRY_MS = 1_000;

/** Verifies tokens with public keys that are published (JWKS). A new key is found by its `kid`. */
export class RemoteKeys implements TokenVerifier {
  readonly #url: URL;
  readonly #closing: AbortController = new AbortController();
  #keys: ReturnType<typeof createRemoteJWKSet>;

  /**
   * @param url of the key set, as in `AUTH_JWKS_URL`; it is fetched with the first token
   * @throws ConfigError
   */
  constructor(url: string) {
    this.#url = serviceUrl("AUTH_JWKS_URL", url);
    this.#keys = this.#noKeys();
  }

  async verify(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, this.#keys, { ...TIMES, algorithms: ALGORITHMS });
      return payload;
    } catch (error) {
      throw accessErrorOf(error);
    }
  }

  forget(): void {
    this.#keys = this.#noKeys();
  }

  close(): void {
    this.#closing.abort(new Error("the server is shutting down"));
  }

  #noKeys(): ReturnType<typeof createRemoteJWKSet> {
    let askedAt = Number.NEGATIVE_INFINITY;
    const fetchKeys: FetchImplementation = async (url, options) => {
      // The library's own cooldown begins with a success; this one holds for failures, too.
      const now = performance.now();
      if (now - askedAt < RETRY_MS) throw new Error("they could not be fetched just now");
      askedAt = now;
      const signal = AbortSignal.any([options.signal, this.#closing.signal]);
      const { status, text } = await fetchText(url, { ...options, signal }, MAX_KEYS_BYTES);
      if (status !== 200) throw new Error(`AUTH_JWKS_URL answered with status ${status}`);
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
