import { createHash, timingSafeEqual } from "node:crypto";

/** Compares received text with a secret in constant time. */
export class SecretCheck {
  readonly #digest: Buffer;

  constructor(secret: string) {
    this.#digest = digest(secret);
  }

  matches(given: string): boolean {
    // Digests all have the same length, so comparing them always takes the same time.
    return timingSafeEqual(digest(given), this.#digest);
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
