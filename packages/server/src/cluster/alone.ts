import type { Bus } from "./bus.ts";
import type { Registry } from "./registry.ts";

/** The registry of a server that runs alone: nobody else holds anything. */
export const aloneRegistry: Registry = {
  hold: async () => [],
  release: async () => {},
  close: async () => {},
};

/** The bus of a server that runs alone: nobody listens, nobody speaks. */
export const aloneBus: Bus = {
  subscribe: async () => ({ publish: () => {}, close: async () => {} }),
  close: async () => {},
};
