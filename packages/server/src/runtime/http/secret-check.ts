import { createHash, timingSafeEqual } from "node:crypto";

/** Compares what somebody sends with a secret, and tells nothing of the secret by the time it takes. */
export class SecretCheck {
  readonly #digest: Buffer;

  constructor(secret: string) {
    this.#digest = digest(secret);
  }

  matches(given: string): boolean {
    // Digests have the same length, whatever was sent, and take the same time to compare.
    return timingSafeEqual(digest(given), this.#digest);
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
