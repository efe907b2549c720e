import { CHARACTERS_PER_UPDATE, clientIdOf, memberOf, type Typed } from "./author.ts";
import { Window } from "./window.ts";
import { memberCount, type Workload } from "./workload.ts";

/**
 * Records when every update and presence state was sent, and how much each member has received from
 * each other member. Clocks increase without gaps, so one number per pair of members is enough.
 */
export class Ledger {
  readonly #perRoom: number;
  readonly #updateTimes: number[][];
  readonly #presenceTimes: number[][];
  /** Per receiver, and per seat in its room: characters and presence clocks seen so far. */
  readonly #charactersSeen: Uint32Array;
  readonly #presenceSeen: Uint32Array;
  /**
   * Characters that arrived before earlier ones of the same author, by index in `#charactersSeen`.
   */
  readonly #early = new Map<number, { clock: number; end: number }[]>();
  readonly #windows: Window[] = [];

  constructor(workload: Workload) {
    const members = memberCount(workload);
    this.#perRoom = workload.membersPerRoom;
    this.#updateTimes = Array.from({ length: members }, () => []);
    this.#presenceTimes = Array.from({ length: members }, () => []);
    this.#charactersSeen = new Uint32Array(members * this.#perRoom);
    this.#presenceSeen = new Uint32Array(members * this.#perRoom);
  }

  openWindow(now: number): Window {
    const window = new Window(now);
    this.#windows.push(window);
    return window;
  }

  /** The number of updates that a member has sent. */
  updatesOf(member: number): number {
    return this.#timesOf(this.#updateTimes, member).length;
  }

  /** The newest presence clock of a member, 0 before the first. */
  presenceClockOf(member: number): number {
    return this.#timesOf(this.#presenceTimes, member).length;
  }

  /** A member's document: everything that it has typed, or received without a gap. */
  documentOf(member: number): Typed[] {
    const first = member - (member % this.#perRoom);
    return Array.from({ length: this.#perRoom }, (_, seat) => {
      const author = first + seat;
      const seen = this.#charactersSeen[this.#place(member, author)] ?? 0;
      const to = author === member ? this.updatesOf(member) : seen / CHARACTERS_PER_UPDATE;
      return { member: author, from: 0, to };
    }).filter(({ to }) => to > 0);
  }

  updateSent(member: number, now: number): void {
    this.#timesOf(this.#updateTimes, member).push(now);
    const window = this.#windowOf(now);
    if (window !== undefined) window.expectedUpdates += this.#perRoom - 1;
  }

  presenceSent(member: number, now: number): void {
    this.#timesOf(this.#presenceTimes, member).push(now);
    const window = this.#windowOf(now);
    if (window !== undefined) window.expectedPresence += this.#perRoom - 1;
  }

  /** A member received `length` characters of a client from `clock` on. Duplicates are harmless. */
  updateReceived(
    receiver: number,
    client: number,
    clock: number,
    length: number,
    now: number,
  ): void {
    const author = this.#authorFor(receiver, client);
    const place = this.#place(receiver, author);
    const seen = this.#charactersSeen[place] ?? 0;
    const end = clock + length;
    if (end <= seen) return;
    const early = this.#early.get(place) ?? [];
    if (clock > seen) {
      this.#early.set(place, [...early, { clock, end }]);
      return;
    }
    this.#charactersSeen[place] = end;
    this.#recordUpdates(receiver, author, seen, end, now);
    if (early.length === 0) return;
    this.#early.delete(place);
    for (const range of early) {
      this.updateReceived(receiver, client, range.clock, range.end - range.clock, now);
    }
  }

  /** A member received presence. Returns whether it is another member's and new to this one. */
  presenceReceived(receiver: number, client: number, clock: number, now: number): boolean {
    const author = this.#authorFor(receiver, client);
    const place = this.#place(receiver, author);
    const seen = this.#presenceSeen[place] ?? 0;
    if (author === receiver || clock <= seen) return false;
    this.#presenceSeen[place] = clock;
    const times = this.#timesOf(this.#presenceTimes, author);
    for (let passed = seen + 1; passed <= clock; passed++) {
      const sentAt = times[passed - 1];
      if (sentAt === undefined) throw new Error(`presence ${passed} of ${client} was never sent`);
      const window = this.#windowOf(sentAt);
      this.#countReceipt(now);
      if (window === undefined) continue;
      if (passed === clock) window.presenceLatency.add(now - sentAt);
      else window.replacedPresence++;
    }
    return true;
  }

  /** Describes the first thing that a member is missing; undefined if all have everything. */
  firstMissing(): string | undefined {
    const members = this.#updateTimes.length;
    for (let receiver = 0; receiver < members; receiver++) {
      const first = receiver - (receiver % this.#perRoom);
      for (let author = first; author < first + this.#perRoom; author++) {
        if (author === receiver) continue;
        const place = this.#place(receiver, author);
        const updates = (this.#charactersSeen[place] ?? 0) / CHARACTERS_PER_UPDATE;
        const presence = this.#presenceSeen[place] ?? 0;
        if (updates !== this.updatesOf(author) || presence !== this.presenceClockOf(author)) {
          return (
            `client ${clientIdOf(receiver)} has ${updates} of ${this.updatesOf(author)} updates and ` +
            `presence ${presence} of ${this.presenceClockOf(author)} of client ${clientIdOf(author)}`
          );
        }
      }
    }
    return undefined;
  }

  #recordUpdates(receiver: number, author: number, from: number, to: number, now: number): void {
    const times = this.#timesOf(this.#updateTimes, author);
    const last = Math.floor(to / CHARACTERS_PER_UPDATE);
    for (let number = Math.floor(from / CHARACTERS_PER_UPDATE); number < last; number++) {
      const sentAt = times[number];
      if (sentAt === undefined) throw new Error(`update ${number} of ${author} was never sent`);
      const window = this.#windowOf(sentAt);
      if (author !== receiver) this.#countReceipt(now);
      if (window === undefined) continue;
      const latency = author === receiver ? window.returnLatency : window.updateLatency;
      latency.add(now - sentAt);
    }
  }

  #countReceipt(now: number): void {
    const window = this.#windowOf(now);
    if (window !== undefined) window.receipts++;
  }

  #windowOf(time: number): Window | undefined {
    return this.#windows.findLast((window) => window.contains(time));
  }

  #authorFor(receiver: number, client: number): number {
    const author = memberOf(client);
    if (Math.floor(author / this.#perRoom) !== Math.floor(receiver / this.#perRoom)) {
      throw new Error(
        `member ${receiver} received data of client ${client}, which is not in its room`,
      );
    }
    return author;
  }

  #place(receiver: number, author: number): number {
    return receiver * this.#perRoom + (author % this.#perRoom);
  }

  #timesOf(table: readonly number[][], member: number): number[] {
    const times = table[member];
    if (times === undefined) throw new Error(`no member ${member}`);
    return times;
  }
}
