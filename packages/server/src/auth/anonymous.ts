import type { AccessControl } from "./access.ts";

/** Everyone may write to every room. */
export const ANONYMOUS: AccessControl = {
  authorize: async () => ({ subject: null, level: "read-write", expiresAt: null }),
  forget() {},
  close() {},
};
