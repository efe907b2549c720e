import type { JWTPayload } from "jose";
import { z } from "zod";
import { nearestName } from "../runtime/nearest-name.ts";
import { ACCESS_LEVELS, type Access, AccessDeniedError } from "./access.ts";
import { Wildcard } from "./wildcard.ts";

/** Tolerance for clock skew between the token's issuer and this server. */
export const CLOCK_TOLERANCE_S = 5;

const CLAIMS = z.object({
  sub: z.string().optional(),
  room: z.string().optional(),
  rooms: z.array(z.string()).optional(),
  access: z.enum(ACCESS_LEVELS).default("read-write"),
  exp: z.number(),
});

/**
 * The access that a room token grants to a room. Its claims:
 *
 * - `room`: the exact name of one room;
 * - `rooms`: an array of room name patterns, in which `*` matches any characters; `\*` is an asterisk,
 *   `\\` a backslash. May be combined with `room`;
 * - `access`: a level, `read-write` by default;
 * - `sub`: the client's identity, optional;
 * - `exp`: when the access expires, in seconds since the epoch.
 *
 * @param claims of a token whose signature and times have been verified
 * @throws AccessDeniedError
 */
export function accessOfClaims(claims: JWTPayload, room: string): Access {
  const parsed = CLAIMS.safeParse(claims);
  if (!parsed.success) {
    const claim = String(parsed.error.issues[0]?.path[0]);
    throw new AccessDeniedError("unauthenticated", `the token's claim ${claim} is invalid`);
  }
  const claim = wrongClaim(claims);
  if (claim !== undefined) {
    throw new AccessDeniedError(
      "unauthenticated",
      `the token's claim ${claim.slice(0, 30)} is unknown; the level belongs in access`,
    );
  }
  const { sub = null, room: exact, rooms = [], access, exp } = parsed.data;
  if (exact !== room && !rooms.some((pattern) => new Wildcard(pattern).matches(room))) {
    throw new AccessDeniedError("forbidden", "the token is not for this room");
  }
  return { subject: sub, level: access, expiresAt: (exp + CLOCK_TOLERANCE_S) * 1000 };
}

/** Finds a misspelt `access` claim. Ignoring it would grant more than intended. */
function wrongClaim(claims: JWTPayload): string | undefined {
  const found = Object.entries(claims).find(
    ([name, value]) =>
      !Object.hasOwn(CLAIMS.shape, name) &&
      (nearestName(name, ["access"]) !== undefined ||
        ACCESS_LEVELS.some((level) => level === value)),
  );
  return found?.[0];
}
