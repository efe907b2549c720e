import type { Logger } from "pino";
import type { Incarnation, ServerAddress } from "./registry.ts";

/** A server that joins a registry. */
export interface RegistryMember {
  /** The address at which other servers reach this one. */
  readonly address: ServerAddress;
  /** Distinguishes this run of the server from earlier ones. */
  readonly incarnation?: Incarnation;
  readonly logger: Logger;
  /** How long this server counts as alive after its last renewal, in milliseconds. */
  readonly leaseMs?: number;
  /** How often it renews its lease, in milliseconds; a small fraction of `leaseMs`. */
  readonly renewMs?: number;
}

/** What applies to a member that does not say otherwise. */
export const MEMBER_DEFAULTS = { incarnation: 0, leaseMs: 15_000, renewMs: 4_000 } as const;
