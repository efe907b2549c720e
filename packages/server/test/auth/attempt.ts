import { expect } from "vitest";
import {
  type Access,
  AccessDeniedError,
  AccessUnavailableError,
  type Attempt,
} from "../../src/auth/access.ts";

export function attempt(token: string | undefined, room = "room"): Attempt {
  return { room, token, address: "192.0.2.1", origin: undefined, headers: {} };
}

/** The outcome of an authorization, short enough for tables. */
export async function outcome(access: Promise<Access>): Promise<string> {
  try {
    return (await access).level;
  } catch (error) {
    if (error instanceof AccessDeniedError) {
      expect(Buffer.byteLength(error.message), "the reason of a close").toBeLessThanOrEqual(123);
      return error.denial;
    }
    if (error instanceof AccessUnavailableError) return "unavailable";
    throw error;
  }
}
