import type { Bus } from "./bus.ts";
import type { Peers } from "./peers.ts";
import type { Incarnation, Registry, ServerAddress } from "./registry.ts";

/** The cluster, as seen by one server. */
export interface Cluster {
  /** The address at which other servers reach this one. */
  readonly address: ServerAddress;
  /** Distinguishes this run from earlier runs at that address. */
  readonly incarnation: Incarnation;
  readonly bus: Bus;
  readonly registry: Registry;
  readonly peers: Peers;
}

/** The cluster of a single server: there are no other holders, and nothing is published. */
export function alone(address: ServerAddress): Cluster {
  return {
    address,
    incarnation: 0,
    bus: {
      problem: undefined,
      subscribe: async () => ({ publish: () => {}, close: async () => {} }),
      close: async () => {},
    },
    registry: {
      problem: undefined,
      hold: async () => ({ alive: [], lapsed: [] }),
      release: async () => {},
      lapsed: async () => [],
      servers: async () => ({ alive: [address], lapsed: [] }),
      lease: "none",
      onRejoined: () => {},
      close: async () => {},
    },
    peers: { ask: async () => ({ type: "absent" }), close: () => {} },
  };
}
