import type { BusListener, Subscription } from "../bus.ts";
import type { Channel, Transport } from "./transport.ts";

const PREFIX = "symphony:room:";
/** A bus that is down must not block the opening of documents. */
const SUBSCRIBE_TIMEOUT_MS = 2_000;

/** Shared by the channels of all rooms. */
export interface Rooms {
  readonly transport: Transport;
  onInterrupted(member: Member): void;
  onListenerError(room: string, error: unknown): void;
  onEmpty(channel: RoomChannel): void;
}

/**
 * The channel of one room, and its subscriptions in this process.
 *
 * In a Redis Cluster the slot follows from the name. If a room's name contains braces, only the
 * part between them counts, so rooms may share a slot, which is harmless.
 */
export class RoomChannel implements Channel {
  readonly name: string;
  readonly room: string;
  readonly #rooms: Rooms;
  readonly #members: Set<Member> = new Set();

  constructor(room: string, rooms: Rooms) {
    this.name = PREFIX + room;
    this.room = room;
    this.#rooms = rooms;
  }

  /** Resolves when the subscription is active, or after two seconds if it is not. */
  async join(listener: BusListener): Promise<Subscription> {
    const member = new Member(listener, this);
    this.#members.add(member);
    if (!this.#rooms.transport.isInForce(this)) await member.untilInForce();
    return member;
  }

  leave(member: Member): void {
    if (this.#members.delete(member) && this.#members.size === 0) this.#rooms.onEmpty(this);
  }

  publish(message: Uint8Array): void {
    this.#rooms.transport.publish(this, message);
  }

  onMessage(message: Uint8Array): void {
    for (const { listener } of this.#members) {
      try {
        listener.onMessage(message);
      } catch (error) {
        this.#rooms.onListenerError(this.room, error);
      }
    }
  }

  onInForce(): void {
    for (const member of this.#members) {
      if (!member.comeIntoForce()) this.#rooms.onInterrupted(member);
    }
  }

  close(): void {
    for (const member of this.#members) void member.close();
  }
}

/** One subscription. */
export class Member implements Subscription {
  readonly listener: BusListener;
  readonly #channel: RoomChannel;
  #isClosed = false;
  /** Ends the wait for the subscription to become active. */
  #begin: (() => void) | undefined;

  constructor(listener: BusListener, channel: RoomChannel) {
    this.listener = listener;
    this.#channel = channel;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get room(): string {
    return this.#channel.room;
  }

  async untilInForce(): Promise<void> {
    await new Promise<void>((resolve) => {
      const begin = (): void => {
        clearTimeout(late);
        this.#begin = undefined;
        resolve();
      };
      const late = setTimeout(begin, SUBSCRIBE_TIMEOUT_MS);
      this.#begin = begin;
    });
  }

  /** @returns whether `untilInForce` was waiting; if not, messages may have been lost before */
  comeIntoForce(): boolean {
    const isExpected = this.#begin !== undefined;
    this.#begin?.();
    return isExpected;
  }

  publish(message: Uint8Array): void {
    if (!this.#isClosed) this.#channel.publish(message);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#begin?.();
    this.#channel.leave(this);
  }
}
