import type { Logger } from "pino";
import type { Bus, BusListener, Subscription } from "../bus.ts";
import { type Member, RoomChannel, type Rooms } from "./room-channel.ts";
import type { Transport } from "./transport.ts";

/** Interruptions within this time are reported as one. */
const INTERRUPTION_MS = 100;

/** The bus on one Redis server or a Redis Cluster. */
export class RedisBus implements Bus {
  readonly #transport: Transport;
  readonly #logger: Logger;
  readonly #rooms: Rooms;
  readonly #channels: Map<string, RoomChannel> = new Map();
  readonly #interrupted: Set<Member> = new Set();
  #telling: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(transport: Transport, logger: Logger) {
    this.#transport = transport;
    this.#logger = logger;
    this.#rooms = {
      transport,
      onInterrupted: (member) => this.#onInterrupted(member),
      onListenerError: (room, error) => this.#onListenerError(room, error),
      onEmpty: (channel) => this.#remove(channel),
    };
  }

  get problem(): string | undefined {
    return this.#isClosed ? "closed" : this.#transport.problem;
  }

  async subscribe(room: string, listener: BusListener): Promise<Subscription> {
    let channel = this.#channels.get(room);
    if (channel === undefined) {
      channel = new RoomChannel(room, this.#rooms);
      if (!this.#isClosed) this.#add(channel);
    }
    const joining = channel.join(listener);
    if (this.#isClosed) channel.close();
    return joining;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#telling);
    for (const channel of [...this.#channels.values()]) channel.close();
    await this.#transport.close();
  }

  #add(channel: RoomChannel): void {
    this.#channels.set(channel.room, channel);
    this.#transport.add(channel);
  }

  #remove(channel: RoomChannel): void {
    if (this.#channels.get(channel.room) !== channel) return;
    this.#channels.delete(channel.room);
    // When the whole bus is closing, there is no need to unsubscribe one by one.
    if (!this.#isClosed) this.#transport.remove(channel);
  }

  #onInterrupted(member: Member): void {
    this.#interrupted.add(member);
    this.#telling ??= setTimeout(() => this.#tell(), INTERRUPTION_MS);
  }

  #tell(): void {
    this.#telling = undefined;
    const members = [...this.#interrupted];
    this.#interrupted.clear();
    for (const member of members) {
      if (member.isClosed) continue;
      try {
        member.listener.onInterrupted();
      } catch (error) {
        this.#onListenerError(member.room, error);
      }
    }
  }

  #onListenerError(room: string, error: unknown): void {
    this.#logger.error({ room, err: error }, "a bus listener failed");
  }
}
