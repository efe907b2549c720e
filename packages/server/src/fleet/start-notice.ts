import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Logger } from "pino";
import { z } from "zod";
import { PeerError } from "../replication/peers.ts";
import type { Incarnation, Registry, ServerAddress } from "../replication/registry.ts";
import { asPeerError, readBody, ServerClient } from "../replication/server-client.ts";
import type { ServersOnly } from "../replication/servers-only.ts";
import type { ApiEnv } from "../runtime/http/api-hono.ts";
import { problem } from "../runtime/http/problem.ts";

/** The path on which a server is notified that another one has started. */
export const START_PATH = "/cluster/v1/started";
/** The most rooms that an answer names; the remaining ones are found one by one. */
const MAX_STALE_ROOMS = 1_000;

/** The body of a notice, as JSON. */
const startNotice = z.object({
  address: z.string(),
  incarnation: z.number().int().nonnegative(),
});
const answerSchema = z.object({ rooms: z.array(z.string()) });

export type StartedServer = z.infer<typeof startNotice>;

export interface StartNoticeOptions {
  /** This server. */
  readonly started: StartedServer;
  readonly registry: Pick<Registry, "servers">;
  /** Authenticates this server to the others. */
  readonly secret: string;
  /** Removes this server from the holders of rooms that an earlier run held. Does not reject. */
  readonly giveBack: (rooms: readonly string[]) => Promise<void>;
  readonly logger: Logger;
}

/** Drops what is known about earlier runs of a server. */
export interface KnownRuns {
  /**
   * Earlier runs of a server have ended.
   *
   * @returns the rooms that they held and that are open here
   */
  foundRun(server: ServerAddress, incarnation: Incarnation): string[];
}

const MAX_NOTICE_BYTES = 4 * 1024;
const RETRY_MS = 1_000;
/**
 * By then others have compared incarnations in the registry, or the earlier run's lease has
 * expired.
 */
const TRIES = 10;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * Notifies the other servers that this one has started. If an earlier run at its address crashed a
 * moment ago, they drop the awareness of its clients, and read from the stores what it had not
 * published.
 */
export class StartNotice {
  readonly #options: StartNoticeOptions;
  readonly #client: ServerClient;
  readonly #closing: AbortController = new AbortController();

  constructor(options: StartNoticeOptions) {
    this.#options = options;
    this.#client = new ServerClient(options.secret);
    void this.#run();
  }

  /** Stops, and aborts pending requests. */
  close(): void {
    this.#closing.abort();
    this.#client.close();
  }

  /** Does not reject. */
  async #run(): Promise<void> {
    const { started, logger } = this.#options;
    const { signal } = this.#closing;
    const told = new Set<ServerAddress>([started.address]);
    for (let i = 0; i < TRIES && !signal.aborted; i++) {
      try {
        if (await this.#tellOthers(told)) return;
      } catch (error) {
        logger.debug({ err: error }, "cannot list the servers to notify of the start, retrying");
      }
      await Promise.allSettled([sleep(RETRY_MS, undefined, { signal })]);
    }
  }

  /** @returns whether all of them have been notified @throws RegistryError */
  async #tellOthers(told: Set<ServerAddress>): Promise<boolean> {
    const { registry, giveBack, logger } = this.#options;
    const { alive } = await registry.servers();
    const others = alive.filter((address) => !told.has(address));
    const held = new Set<string>();
    await Promise.all(
      others.map(async (address) => {
        try {
          for (const room of await this.#tell(address)) held.add(room);
          told.add(address);
        } catch (error) {
          logger.debug({ err: error }, "notifying another server of the start failed");
        }
      }),
    );
    await giveBack([...held]);
    return others.every((address) => told.has(address));
  }

  /** @returns rooms in which the earlier run was known as a holder @throws PeerError */
  async #tell(address: ServerAddress): Promise<readonly string[]> {
    try {
      const body = JSON.stringify(this.#options.started);
      const response = await this.#client.post(address, START_PATH, body);
      const bytes = await readBody(response, MAX_ANSWER_BYTES);
      if (response.statusCode !== 200) throw new PeerError(`status ${response.statusCode}`);
      return answerSchema.parse(JSON.parse(new TextDecoder().decode(bytes))).rooms;
    } catch (error) {
      throw asPeerError(address, error);
    }
  }
}

/** The route on which other servers announce that they have started. */
export function startRoutes(only: ServersOnly, rooms: KnownRuns): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const limit = bodyLimit({ maxSize: MAX_NOTICE_BYTES });
  app.post(START_PATH, only, limit, async (c) => {
    const notice = startNotice.safeParse(await c.req.json().catch(() => null));
    if (!notice.success) return problem(400, "the start notice is not valid");
    const { address, incarnation } = notice.data;
    return c.json({ rooms: rooms.foundRun(address, incarnation).slice(0, MAX_STALE_ROOMS) });
  });
  return app;
}
