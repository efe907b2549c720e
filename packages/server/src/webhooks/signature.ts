import { createHmac } from "node:crypto";

/** The header that authenticates the sender of a notification. */
export const SIGNATURE_HEADER = "x-symphony-signature";

/**
 * `t=<seconds since the epoch>,v1=<HMAC-SHA-256 of "t.body" in hexadecimal>`. The time is signed too, so
 * that a receiver can reject replays.
 */
export function signatureOf(secret: string, seconds: number, body: Uint8Array): string {
  const digest = createHmac("sha256", secret).update(`${seconds}.`).update(body).digest("hex");
  return `t=${seconds},v1=${digest}`;
}
