import { createHmac } from "node:crypto";

/** Signs the tokens in these tests; the `AUTH_JWT_SECRET` of their servers. */
export const SECRET = "a secret that has more than 32 bytes";

export type Claims = Readonly<Record<string, unknown>>;

/** Signs anything with HS256, even claims that a library would reject. */
export function forge(header: Claims, claims: Claims, secret: string | Buffer = SECRET): string {
  const text = `${encoded(header)}.${encoded(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** A token that is valid for all rooms and one minute, unless the claims say otherwise. */
export function tokenWith(claims: Claims = {}): string {
  return forge({ alg: "HS256" }, { rooms: ["*"], exp: inSeconds(60), ...claims });
}

/** A time from now, in the format of JWT claims. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

export function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
