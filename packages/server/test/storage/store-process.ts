import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { CorruptedError, SnapshotConflictError, StorageError } from "../../src/storage/errors.ts";
import type { Journal } from "../../src/storage/journal.ts";
import type { Metadata } from "../../src/storage/metadata.ts";
import type { SnapshotStore } from "../../src/storage/snapshots.ts";
import type { StoreReply, StoreRequest } from "./store-process-main.ts";

/** A store in a separate process, which can be killed or given a broken disk. */
export class StoreProcess {
  readonly journal: Pick<Journal, "append" | "read" | "truncate">;
  readonly snapshots: Pick<SnapshotStore, "read" | "write">;
  readonly metadata: Pick<Metadata, "record" | "room">;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #waiting = new Map<number, (reply: StoreReply | undefined) => void>();
  #lastId = 0;

  /** @param env added to the environment */
  constructor(directory: string, env: Readonly<Record<string, string>> = {}) {
    const program = fileURLToPath(new URL("./store-process-main.ts", import.meta.url));
    this.#child = fork(program, [directory], {
      env: { ...process.env, ...env },
      execArgv: [],
      serialization: "advanced",
    });
    this.#child.on("message", (reply: StoreReply) => this.#waiting.get(reply.id)?.(reply));
    this.#ended = once(this.#child, "exit").then(() => {
      for (const settle of this.#waiting.values()) settle(undefined);
    });
    const call =
      <Result>(part: StoreRequest["part"], method: string) =>
      (...args: unknown[]) =>
        this.#call(part, method, args) as Promise<Result>;
    this.journal = {
      append: call("journal", "append"),
      read: call("journal", "read"),
      truncate: call("journal", "truncate"),
    };
    this.snapshots = { read: call("snapshots", "read"), write: call("snapshots", "write") };
    this.metadata = { record: call("metadata", "record"), room: call("metadata", "room") };
  }

  /** Can be called again after a failure. */
  async open(): Promise<void> {
    await this.#call("store", "open", []);
  }

  async close(): Promise<void> {
    await this.#call("store", "close", []);
  }

  /** Kills the process like `kill -9`. Safe to call after it has ended. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #call(part: StoreRequest["part"], method: string, args: unknown[]): Promise<unknown> {
    this.#lastId += 1;
    const request: StoreRequest = { id: this.#lastId, part, method, args };
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, (reply) => {
        this.#waiting.delete(request.id);
        if (reply === undefined) reject(new Error("The process has ended."));
        else if ("error" in reply) reject(asError(reply.error));
        else resolve(reply.value);
      });
      this.#child.send(request, (error) => {
        if (error !== null) reject(error);
      });
    });
  }
}

function asError({ name, message }: { name: string; message: string }): Error {
  const types = [StorageError, CorruptedError, SnapshotConflictError];
  const Type = types.find((type) => type.name === name) ?? Error;
  return new Type(message);
}
