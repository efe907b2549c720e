import type { InputGroup } from "./input.ts";

/** What clients do. */
export const WORKLOAD = {
  clientsPerRoom: { value: 4, unit: "", from: "the case study of RESULTS.md" },
  actingShare: { value: 1, unit: "of clients", from: "the case study: everybody, all the time" },
  updatesPerSecond: { value: 1, unit: "of an acting client", from: "the case study" },
  presencePerSecond: { value: 5, unit: "of an acting client", from: "the case study" },
  renewalSeconds: {
    value: 15,
    unit: "s",
    from: "y-protocols: a client that does not act renews its presence",
  },
  sessionMinutes: { value: 60, unit: "min", from: "chosen: how long a room is in use" },
  joinsPerHour: {
    value: 2,
    unit: "of a client",
    from: "chosen: each is replaced, or connects again, once in a session",
  },
  documentKilobytes: { value: 50, unit: "kB", from: "as in RESULTS.md, encoded" },
} as const satisfies InputGroup;
