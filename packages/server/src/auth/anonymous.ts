import type { AccessControl } from "./access.ts";

/** Everybody may write in every room. */
export const ANONYMOUS: AccessControl = {
  authorize: async () => ({ subject: null, level: "read-write", expiresAt: null }),
  forget() {},
  close() {},
};
