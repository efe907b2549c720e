import { type Signal, signal } from "@preact/signals";

/** Whether the server admits this browser. */
export type Access =
  | { readonly state: "unknown" }
  | { readonly state: "open"; readonly canSignOut: boolean }
  | { readonly state: "signed-out" }
  | { readonly state: "forbidden"; readonly reason: string };

/** Any API response may change this, because a session can end at any time. */
export const access: Signal<Access> = signal({ state: "unknown" });
