import { setTimeout as delay } from "node:timers/promises";
import * as Y from "yjs";
import { type Session, yWebsocket1, yWebsocket31 } from "./providers.ts";
import { RawClient } from "./raw-client.ts";
import type { RawMessage } from "./raw-messages.ts";
import type { TestServer } from "./test-server.ts";
import { waitFor } from "./wait-for.ts";

/** The pause between two rounds: bystanders are not a load. */
const REST_MS = 50;

/** A client that only checks what it receives. */
export interface Observer {
  readonly client: RawClient;
  /** Descriptions of invalid messages that arrived. */
  readonly broken: readonly string[];
}

/** Joins a room, and checks that any client could read everything it receives. */
export async function observe(wsUrl: string, room: string): Promise<Observer> {
  const broken: string[] = [];
  const client = await RawClient.connect(wsUrl, room, {
    keep: false,
    onMessage: (message) => {
      const reason = whyBroken(message);
      if (reason !== null) broken.push(reason);
    },
  });
  client.sendStep1();
  return { client, broken };
}

/** Two people with real providers who keep editing a room while something else happens. */
export class Bystanders {
  readonly #people: readonly [Session, Session];
  readonly #observer: Observer;
  readonly #work: Promise<void>;
  #working = true;
  #rounds = 0;
  #failure: unknown;

  private constructor(people: readonly [Session, Session], observer: Observer) {
    this.#people = people;
    this.#observer = observer;
    this.#work = this.#workTogether().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  static async join(server: TestServer): Promise<Bystanders> {
    const people = [
      yWebsocket31.open(server.wsUrl, "bystanders", { presence: {} }),
      yWebsocket1.open(server.wsUrl, "bystanders", { presence: {} }),
    ] as const;
    for (const person of people) {
      await waitFor(() => person.isSynced, { message: "a bystander is synced" });
    }
    return new Bystanders(people, await observe(server.wsUrl, "bystanders"));
  }

  /** @throws Error if they were interrupted or can no longer edit */
  async check(): Promise<void> {
    const before = this.#rounds;
    await waitFor(() => this.#failure !== undefined || this.#rounds > before + 1, {
      message: "the bystanders have completed two more rounds",
    });
    if (this.#failure !== undefined) throw this.#failure;
    const { client, broken } = this.#observer;
    if (!client.isOpen) throw new Error("the observer was disconnected");
    const faults = [...client.faults, ...broken];
    if (faults.length > 0)
      throw new Error(`the bystanders received invalid messages: ${faults.join("; ")}`);
    for (const { version, connections } of this.#people) {
      if (connections !== 1) throw new Error(`${version} opened ${connections} connections`);
    }
  }

  async leave(): Promise<void> {
    this.#working = false;
    await this.#work;
    for (const person of this.#people) person.destroy();
    await this.#observer.client.close();
  }

  /** In each round both write, and both wait until the other sees their text and awareness. */
  async #workTogether(): Promise<void> {
    const [one, other] = this.#people;
    while (this.#working) {
      await this.#show(one, other);
      await this.#show(other, one);
      this.#rounds++;
      await delay(REST_MS);
    }
  }

  async #show(writer: Session, reader: Session): Promise<void> {
    const text = `round ${this.#rounds} of ${writer.version}`;
    writer.text.delete(0, writer.text.toString().length);
    writer.text.insert(0, text);
    writer.setPresence({ text });
    await waitFor(() => reader.text.toString() === text, {
      message: `the other bystander sees the text "${text}"`,
    });
    const presence = JSON.stringify({ text });
    await waitFor(() => JSON.stringify(reader.presence.get(writer.clientId)) === presence, {
      message: `the other bystander sees the presence ${presence}`,
    });
  }
}

function whyBroken(message: RawMessage): string | null {
  if (message.type !== "update" && message.type !== "step2") return null;
  try {
    Y.decodeUpdate(message.update);
    return null;
  } catch (error) {
    return `${String(error)}: ${Buffer.from(message.update).toString("hex")}`;
  }
}
