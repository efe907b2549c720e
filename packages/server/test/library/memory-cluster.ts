import type { Bus, OpenPart, Registry } from "../../src/index.ts";
import { MemoryBroker } from "../../src/replication/memory/bus.ts";
import { RegistryTable } from "../../src/replication/memory/registry.ts";
import { withOverrides } from "../support/wrap-part.ts";

/** A bus and a registry that connect the servers in this process, as supplied by an application. */
export class MemoryCluster {
  /** The parts that have been closed, in order. */
  readonly closed: string[] = [];
  readonly #broker = new MemoryBroker();
  readonly #table = new RegistryTable();

  readonly bus: OpenPart<Bus> = ({ address, logger }) =>
    this.#noted(`bus of ${address}`, this.#broker.open(logger));

  readonly registry: OpenPart<Registry> = async (member) =>
    this.#noted<Registry>(`registry of ${member.address}`, await this.#table.open(member));

  /** The same part, recording its close. */
  #noted<Part extends Bus | Registry>(name: string, part: Part): Part {
    const close = async () => {
      this.closed.push(name);
      await part.close();
    };
    return withOverrides(part, { close } as Partial<Part>);
  }
}
