import type { Registry, ServerAddress } from "../replication/registry.ts";
import { ServerClient } from "../replication/server-client.ts";
import { askAll } from "./ask-all.ts";
import { MAX_ROOMS } from "./server-call-messages.ts";
import { RemoteServer } from "./server-calls-remote.ts";

/** The other live servers of the cluster; they can be asked until this server has drained. */
export class OtherServers {
  readonly #own: ServerAddress;
  readonly #registry: Pick<Registry, "servers">;
  readonly #client: ServerClient;

  /** @param secret authenticates this server to the others */
  constructor(own: ServerAddress, registry: Pick<Registry, "servers">, secret: string) {
    this.#own = own;
    this.#registry = registry;
    this.#client = new ServerClient(secret);
  }

  /**
   * Returns those of these rooms that they hold. A server that does not respond counts as holding
   * none.
   *
   * @throws RegistryError
   */
  async held(rooms: readonly string[]): Promise<ReadonlySet<string>> {
    const { alive } = await this.#registry.servers();
    const others = alive.filter((address) => address !== this.#own);
    const servers = others.map((address) => new RemoteServer(address, this.#client));
    const { answers } = await askAll(servers, async (server) => {
      const held: string[] = [];
      for (let at = 0; at < rooms.length; at += MAX_ROOMS) {
        const some = await server.held(rooms.slice(at, at + MAX_ROOMS));
        held.push(...some.map(({ room }) => room));
      }
      return held;
    });
    return new Set(answers.flatMap(({ answer }) => answer));
  }

  /** Closes connections; pending requests fail. */
  close(): void {
    this.#client.close();
  }
}
