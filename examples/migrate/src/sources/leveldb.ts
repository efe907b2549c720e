import { access } from "node:fs/promises";
import { join } from "node:path";
import level, { type Level } from "level";
import { getAllDocs, getLevelUpdates, keyEncoding } from "y-leveldb";
import type { Source } from "../source.ts";

/** The directory in which `y-websocket-server` keeps its documents: its `YPERSISTENCE`. */
export class LeveldbSource implements Source {
  readonly #database: Level;

  private constructor(database: Level) {
    this.#database = database;
  }

  /** @throws Error when it is no such directory, or a server has it open */
  static async open(directory: string): Promise<LeveldbSource> {
    try {
      await access(join(directory, "CURRENT"));
    } catch (cause) {
      throw new Error(`${directory} is not a LevelDB directory: it has no file CURRENT`, { cause });
    }
    return new Promise((resolve, reject) => {
      const options = { createIfMissing: false, keyEncoding, valueEncoding: "binary" };
      level(directory, options, (error, database) => {
        if (error) reject(explain(directory, error));
        else resolve(new LeveldbSource(database));
      });
    });
  }

  async *names(): AsyncGenerator<string> {
    for (const [, name] of await getAllDocs(this.#database, false, true)) yield name;
  }

  read(name: string): Promise<readonly Uint8Array[]> {
    // Not `getYDoc`: it drops what was deleted, and rewrites what it reads.
    return getLevelUpdates(this.#database, name);
  }

  /**
   * That server keeps the path of the URL as clients send it, which is percent-encoded. Symphony
   * decodes it. So the same URL opens the same document.
   */
  roomOf(name: string): string {
    try {
      return decodeURIComponent(name);
    } catch (cause) {
      throw new Error("no URL leads to it: its name is not valid percent-encoded UTF-8", { cause });
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

function explain(directory: string, cause: Error): Error {
  const advice = /lock/i.test(cause.message)
    ? ". Another process has it open: stop that, or copy the directory and read the copy"
    : "";
  return new Error(`could not open ${directory}: ${cause.message}${advice}`, { cause });
}
