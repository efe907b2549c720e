import { expect } from "vitest";
import { textOf, updateOf } from "../http/api-parts.ts";
import { RawClient, type RawClientOptions, type RawClose } from "../support/raw-client.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { SECRET, tokenWith } from "./tokens.ts";

export const ADMIN = "the token of an administrator";
/** The room whose document must not change. */
export const ROOM = "precious";
const TEXT = "what must not be lost";
const UPDATE_TYPE = "application/octet-stream";

export const TARGET_ENV = { AUTH_JWT_SECRET: SECRET, ADMIN_TOKEN: ADMIN, TRUSTED_PROXIES: "1" };

type Decides = (room: string) => string;

/** One or more servers under attack, with a document that must not change. */
export class Target {
  readonly servers: readonly ServerProcess[];
  /** Makes a valid token. */
  readonly #token: Decides;
  #checks = 0;
  #attackers = 0;

  private constructor(servers: readonly ServerProcess[], token: Decides) {
    this.servers = servers;
    this.#token = token;
  }

  /** Starts a server that checks tokens with the shared secret, unless the settings say otherwise. */
  static async start(
    env: Readonly<Record<string, string>> = TARGET_ENV,
    token: Decides = () => tokenWith(),
  ): Promise<Target> {
    return Target.of([await startServer({ env: { ADMIN_TOKEN: ADMIN, ...env } })], token);
  }

  /** @param servers running servers of one cluster */
  static async of(
    servers: readonly ServerProcess[],
    token: Decides = () => tokenWith(),
  ): Promise<Target> {
    const target = new Target(servers, token);
    const written = await target.api(0, `/rooms/${ROOM}/updates`, {
      method: "POST",
      headers: { "content-type": UPDATE_TYPE },
      body: Buffer.from(updateOf(TEXT)),
    });
    expect(written.status).toBe(204);
    return target;
  }

  server(index = 0): ServerProcess {
    const server = this.servers[index];
    if (server === undefined) throw new Error(`there is no server ${index}`);
    return server;
  }

  /** Calls the API as an administrator. */
  api(index: number, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${ADMIN}`, ...init.headers };
    return fetch(`${this.server(index).url}/api${path}`, { ...init, headers });
  }

  /** Calls the API with another token, from a new address: attempts per address are limited. */
  attackApi(index: number, path: string, token: string, init: RequestInit = {}): Promise<Response> {
    const address = `2001:db8:0:${(++this.#attackers).toString(16)}::1`;
    const attack = { authorization: `Bearer ${token}`, "x-forwarded-for": address };
    return this.api(index, path, { ...init, headers: { ...init.headers, ...attack } });
  }

  /** @param token sent in the URL, if given */
  connect(token?: string, room = ROOM, index = 0, options: RawClientOptions = {}) {
    const query = token === undefined ? "" : `?token=${token}`;
    return RawClient.connect(this.server(index).wsUrl, room, { query, ...options });
  }

  /** How a connection attempt is refused. Checks that the client receives nothing. */
  async refusal(token?: string, room = ROOM, index = 0): Promise<RawClose> {
    const client = await this.connect(token, room, index);
    const close = await client.closed;
    expect(client.messages).toEqual([]);
    return close;
  }

  /** The text of a document on a server; `null` if there is no such room. */
  async text(room = ROOM, index = 0): Promise<string | null> {
    const answer = await this.api(index, `/rooms/-/document?room=${encodeURIComponent(room)}`, {
      headers: { accept: UPDATE_TYPE },
    });
    if (answer.status === 404) return null;
    expect(answer.status).toBe(200);
    return textOf(new Uint8Array(await answer.arrayBuffer()));
  }

  /** Checks that the document is unchanged, no error was logged, and every server serves allowed clients. */
  async expectUnharmed(): Promise<void> {
    const room = `check ${++this.#checks}`;
    for (const [index, server] of this.servers.entries()) {
      expect(server.hasExited).toBe(false);
      expect(server.logs.filter(({ level }) => level >= 50)).toEqual([]);
      expect(await this.text(ROOM, index)).toBe(TEXT);
      const client = await this.connect(this.#token(room), encodeURIComponent(room), index);
      const text = `of ${index}`;
      await writeDurably(client, updateOf(text));
      await waitFor(async () => (await this.text(room, index))?.includes(text), {
        message: () => `server ${index} accepts an edit:\n${server.tail()}`,
      });
      await client.close();
    }
  }
}

/** Writes, and waits for the echo, which means that the write is durable. */
export async function writeDurably(client: RawClient, update: Uint8Array): Promise<void> {
  client.sendStep1();
  await client.first("step2");
  client.sendUpdate(update);
  await client.first("update");
}
