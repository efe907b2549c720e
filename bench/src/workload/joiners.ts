import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Endpoint } from "../client/websocket-client.ts";
import { own } from "../process/children.ts";
import type { JoinersCommand, JoinersReply } from "./joiners-entry.ts";
import type { SampleDocument } from "./sample-document.ts";

const ENTRY = fileURLToPath(new URL("./joiners-entry.ts", import.meta.url));
const REPLY_TIMEOUT_MS = 120_000;

/**
 * Clients in a separate process, so that what they receive does not delay the measuring clients.
 */
export class Joiners {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts the process; no client joins yet. */
  static async prepare(): Promise<Joiners> {
    const child = fork(ENTRY, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    own(child);
    const joiners = new Joiners(child);
    await joiners.#reply();
    return joiners;
  }

  /**
   * Lets `count` clients join at once. Resolves to the milliseconds until all have the document.
   */
  async join(endpoint: Endpoint, room: string, count: number): Promise<number> {
    const reply = await this.#ask({ kind: "join", endpoint, room, count });
    return reply.milliseconds ?? 0;
  }

  /** Rejects if a client that joined did not get the whole document. */
  async check(sample: SampleDocument): Promise<void> {
    await this.#ask({ kind: "check", client: sample.client, clocks: sample.clocks });
  }

  /** Ends the process, and with it all connections. */
  end(): void {
    this.#child.kill("SIGKILL");
  }

  async #ask(command: JoinersCommand): Promise<JoinersReply> {
    this.#child.send(command);
    const reply = await this.#reply();
    if (reply.error !== undefined) throw new Error(`a joiner failed: ${reply.error}`);
    return reply;
  }

  async #reply(): Promise<JoinersReply> {
    const signal = AbortSignal.timeout(REPLY_TIMEOUT_MS);
    const [reply]: JoinersReply[] = await once(this.#child, "message", { signal });
    return reply ?? {};
  }
}
