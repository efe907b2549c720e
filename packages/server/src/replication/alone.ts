import type { ServerAddress } from "./registry.ts";
import type { Cluster } from "./replicator.ts";

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
