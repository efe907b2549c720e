import { StorageError } from "../../src/storage/errors.ts";
import type { AdminSessionStore } from "../../src/storage/metadata.ts";

/** A session store shared by the servers of a cluster. */
export class SharedSessions implements AdminSessionStore {
  readonly records: Map<string, number> = new Map();
  isDown = false;

  async beginSession(key: string, expiresAt: number): Promise<void> {
    this.#check();
    this.records.set(key, expiresAt);
  }

  async session(key: string): Promise<number | null> {
    this.#check();
    return this.records.get(key) ?? null;
  }

  async endSession(key: string): Promise<void> {
    this.#check();
    this.records.delete(key);
  }

  #check(): void {
    if (this.isDown) throw new StorageError("the store is down");
  }
}
