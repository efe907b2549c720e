import { afterEach, beforeEach } from "vitest";
import type {
  Incarnation,
  OtherHolders,
  Registry,
  ServerAddress,
} from "../replication/registry.ts";
import type { TestService } from "./test-service.ts";

/** Servers in these tests have short leases. */
export const LEASE_MS = 1_000;
export const RENEW_MS = 200;

/** An initially empty registry, shared by the servers of a test. */
export interface TestRegistry {
  /** The running service that stores the registry. */
  readonly service: TestService;
  /**
   * Joins as a server with a lease of `LEASE_MS`, renewed every `RENEW_MS`.
   *
   * @param incarnation visible to other servers if the registry implements `incarnations`
   */
  open(address: ServerAddress, incarnation?: Incarnation): Promise<Registry>;
  /** Joins in the same way, in a separate process. */
  spawn(address: ServerAddress, incarnation?: Incarnation): Promise<SeparateServer>;
  /** Ends the separate processes. */
  discard(): Promise<void>;
}

/** A server that can be frozen and killed. */
export interface SeparateServer {
  readonly registry: Pick<Registry, "hold">;
  /** How often its lease was regained. */
  readonly rejoined: number;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
}

/** What the tests of a registry use. */
export interface OpenRegistry {
  /** Returns the registry of the test that runs. */
  place(): TestRegistry;
  /** Joins it as a server, until the test ends. */
  open(address: ServerAddress, incarnation?: Incarnation): Promise<Registry>;
}

/** Gives every test of the surrounding `describe` a registry of its own. */
export function useRegistry(create: () => Promise<TestRegistry>): OpenRegistry {
  let current: TestRegistry | undefined;
  let opened: Registry[] = [];

  beforeEach(async () => {
    current = await create();
  });
  afterEach(async () => {
    await Promise.all(opened.map((registry) => registry.close()));
    opened = [];
    await current?.discard();
    current = undefined;
  });

  function place(): TestRegistry {
    if (current === undefined) throw new Error("The registry is only open while a test runs.");
    return current;
  }
  return {
    place,
    async open(address, incarnation) {
      const registry = await place().open(address, incarnation);
      opened.push(registry);
      return registry;
    },
  };
}

/** The same servers in the order of their addresses. */
export function sorted({ alive, lapsed }: OtherHolders): OtherHolders {
  return { alive: [...alive].sort(), lapsed: [...lapsed].sort() };
}
