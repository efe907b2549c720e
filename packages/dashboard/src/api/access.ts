import { type Signal, signal } from "@preact/signals";

/** What the server lets this browser see. */
export type Access =
  | { readonly state: "unknown" }
  | { readonly state: "open"; readonly canSignOut: boolean }
  | { readonly state: "signed-out" }
  | { readonly state: "forbidden"; readonly reason: string };

/** Every answer of the API may change it: a session ends at any time. */
export const access: Signal<Access> = signal({ state: "unknown" });
