import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { LEASE_MS, RENEW_MS, type SeparateServer } from "../../src/conformance/test-registry.ts";
import type { OtherHolders, Registry, ServerAddress } from "../../src/replication/registry.ts";
import { waitFor } from "../support/wait-for.ts";
import type { RegistryPlace, ServerMessage } from "./registry-process-main.ts";

const PROGRAM = fileURLToPath(new URL("./registry-process-main.ts", import.meta.url));
const START_TIMEOUT_MS = 20_000;

/** A process that has joined the registry, with the environment of this one. */
export class RegistryProcess implements SeparateServer {
  readonly registry: Pick<Registry, "hold">;
  rejoined = 0;
  #joined = false;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #held: Map<string, OtherHolders> = new Map();

  constructor(place: RegistryPlace, address: ServerAddress, incarnation = 1) {
    const numbers = [LEASE_MS, RENEW_MS, incarnation].map(String);
    this.#child = fork(PROGRAM, [JSON.stringify(place), address, ...numbers], { execArgv: [] });
    this.#exited = once(this.#child, "exit");
    this.#child.on("message", (message: ServerMessage) => {
      if (message.type === "joined") this.#joined = true;
      else if (message.type === "rejoined") this.rejoined += 1;
      else this.#held.set(message.room, message.others);
    });
    this.registry = { hold: (room) => this.#hold(room) };
  }

  /** Resolves when it has a lease. */
  async joined(): Promise<void> {
    await waitFor(() => this.#joined, {
      timeout: START_TIMEOUT_MS,
      message: () => `the process has joined (exit code: ${this.#child.exitCode})`,
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Kills the process like `kill -9`. Safe to call after it has ended. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#exited;
  }

  async #hold(room: string): Promise<OtherHolders> {
    this.#held.delete(room);
    this.#child.send(room);
    return waitFor(() => this.#held.get(room), { message: `${room} is held` });
  }
}

/** Starts processes that join a registry, and ends them together. */
export class RegistryProcesses {
  readonly #place: RegistryPlace;
  readonly #started: RegistryProcess[] = [];

  constructor(place: RegistryPlace) {
    this.#place = place;
  }

  async spawn(address: ServerAddress, incarnation?: number): Promise<RegistryProcess> {
    const started = new RegistryProcess(this.#place, address, incarnation);
    this.#started.push(started);
    await started.joined();
    return started;
  }

  async discard(): Promise<void> {
    await Promise.all(this.#started.map((one) => one.kill()));
  }
}
