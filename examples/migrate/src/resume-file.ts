import { hash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";

/**
 * Remembers what has arrived, so that a later run sends only what is new or has changed. A line per
 * document; a line that was cut off by a crash is ignored, which costs sending one document again.
 */
export class ResumeFile {
  readonly #path: string;
  readonly #server: string;
  /** The digest of what was sent last, by room. */
  readonly #sent: Map<string, string> = new Map();

  /** @throws Error when there is such a file and it cannot be read */
  constructor(path: string, server: string) {
    this.#path = path;
    this.#server = server;
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, "utf8").split("\n")) {
      const entry = parse(line);
      if (entry?.server === server) this.#sent.set(entry.room, entry.digest);
    }
  }

  has(room: string, update: Uint8Array): boolean {
    return this.#sent.get(room) === digestOf(update);
  }

  /** Call it when the server has said that it is durable. @throws Error */
  add(room: string, update: Uint8Array): void {
    const digest = digestOf(update);
    this.#sent.set(room, digest);
    const entry: Entry = { server: this.#server, room, digest };
    // The line break comes first: what a crash has cut off must not spoil this line.
    appendFileSync(this.#path, `\n${JSON.stringify(entry)}`);
  }
}

interface Entry {
  readonly server: string;
  readonly room: string;
  readonly digest: string;
}

function digestOf(update: Uint8Array): string {
  return hash("sha256", update);
}

function parse(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isEntry(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const { server, room, digest } = value as Record<string, unknown>;
  return typeof server === "string" && typeof room === "string" && typeof digest === "string";
}
