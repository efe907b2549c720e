import { ConfigError } from "../runtime/config-error.ts";
import { Wildcard } from "./wildcard.ts";

/** Scheme, host and port, without a path: as browsers write an origin. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\\\s]+$/;
/** Sent by Electron and some web views for pages from files. Like `null`, any such page may send it. */
const FILE_ORIGIN = "file://";

/**
 * Which web pages may connect and use the API. Clients that are not browsers send no origin and are not
 * restricted.
 */
export class AllowedOrigins {
  /** `null`: all. */
  readonly #patterns: readonly Wildcard[] | null;
  readonly #allowNull: boolean;
  readonly #allowFiles: boolean;

  /**
   * @param setting as in `ALLOWED_ORIGINS`: comma-separated origins such as
   *   `https://example.com, https://*.example.com, http://localhost:*`; `null` for pages without an
   *   origin, `file://` for pages from files, `*` for all pages that have an origin. `undefined` allows
   *   every page
   * @throws ConfigError
   */
  constructor(setting: string | undefined) {
    const listed = setting?.split(",").map((origin) => origin.trim().toLowerCase()) ?? null;
    for (const origin of listed ?? []) {
      if (origin === "*" || origin === "null" || origin === FILE_ORIGIN || ORIGIN.test(origin))
        continue;
      throw new ConfigError(
        `ALLOWED_ORIGINS: ${JSON.stringify(origin)} is not an origin; ` +
          "it must be scheme://host or scheme://host:port, without a path",
      );
    }
    this.#patterns = listed?.map((origin) => new Wildcard(origin)) ?? null;
    this.#allowNull = listed?.includes("null") ?? true;
    this.#allowFiles = listed?.includes(FILE_ORIGIN) ?? true;
  }

  /** Whether a list of origins is configured. */
  get areListed(): boolean {
    return this.#patterns !== null;
  }

  /** Whether the list names this origin or has a pattern that matches it. False without a list. */
  lists(origin: string): boolean {
    return this.areListed && this.allows(origin);
  }

  /** @param origin the request's `Origin` header */
  allows(origin: string | undefined): boolean {
    if (origin === undefined || this.#patterns === null) return true;
    // Sandboxed frames of any page have this origin, so `*` does not include it.
    if (origin === "null") return this.#allowNull;
    if (origin === FILE_ORIGIN) return this.#allowFiles;
    return ORIGIN.test(origin) && this.#patterns.some((pattern) => pattern.matches(origin));
  }
}
