import { ByteReader } from "../client/byte-reader.ts";
import { maskedFrame } from "../client/frames.ts";
import {
  awarenessMessage,
  EMPTY_STATE_VECTOR,
  EMPTY_UPDATE,
  MESSAGE_AWARENESS,
  MESSAGE_SYNC,
  SYNC_STEP_1,
  SYNC_STEP_2,
  syncMessage,
} from "../client/messages.ts";
import { visitRanges } from "../client/update-ranges.ts";
import { type ClientListener, type Endpoint, WebSocketClient } from "../client/websocket-client.ts";
import { presenceMessage, updateMessage } from "./author.ts";
import type { Ledger } from "./ledger.ts";
import { roomName, type Workload } from "./workload.ts";

export interface MemberOptions {
  readonly endpoint: Endpoint;
  readonly workload: Workload;
  readonly member: number;
  readonly ledger: Ledger;
  /** The run is void: the connection ended, or the server sent what nobody wrote. */
  readonly failed: (reason: string) => void;
}

const STEP_1 = maskedFrame(syncMessage(SYNC_STEP_1, EMPTY_STATE_VECTOR));
const NOTHING_TO_ADD = maskedFrame(syncMessage(SYNC_STEP_2, EMPTY_UPDATE));

/** One reader is enough for all members, since each message is read at once. */
const reader = new ByteReader();

/** A member of a room: does what the schedule says and answers the server as a provider does. */
export class Member implements ClientListener {
  readonly #options: MemberOptions;
  readonly #returned: Buffer[] = [];
  readonly #joined = Promise.withResolvers<void>();
  #client: WebSocketClient | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  /** Connects; fulfilled when the server has sent its state. */
  async join(): Promise<void> {
    const { endpoint, workload, member } = this.#options;
    const room = roomName(Math.floor(member / workload.membersPerRoom));
    this.#client = await WebSocketClient.connect(endpoint, room, this);
    this.#client.write(STEP_1);
    if (workload.presencePerSecond > 0) this.changePresence();
    await this.#joined.promise;
  }

  leave(): void {
    this.#client?.close();
  }

  typeUpdate(): void {
    const { ledger, member } = this.#options;
    const message = updateMessage(member, ledger.updatesOf(member));
    ledger.updateSent(member, performance.now());
    this.#client?.send(message);
  }

  changePresence(): void {
    const { ledger, member } = this.#options;
    const message = presenceMessage(member, ledger.presenceClockOf(member) + 1);
    ledger.presenceSent(member, performance.now());
    this.#client?.send(message);
  }

  message(buffer: Buffer, start: number, end: number): void {
    reader.reset(buffer, start, end);
    const type = reader.unsigned();
    if (type === MESSAGE_AWARENESS) this.#readAwareness(buffer, start, end);
    else if (type === MESSAGE_SYNC) this.#readSync();
  }

  /** What one read brought is returned with one write. */
  chunkEnd(): void {
    const [first] = this.#returned;
    if (first === undefined) return;
    this.#client?.write(this.#returned.length === 1 ? first : Buffer.concat(this.#returned));
    this.#returned.length = 0;
  }

  lost(reason: string): void {
    const error = new Error(`member ${this.#options.member}: ${reason}`);
    this.#joined.reject(error);
    this.#options.failed(error.message);
  }

  #readSync(): void {
    const { ledger, member } = this.#options;
    const kind = reader.unsigned();
    if (kind === SYNC_STEP_1) {
      this.#returned.push(NOTHING_TO_ADD);
      return;
    }
    if (kind === SYNC_STEP_2) this.#joined.resolve();
    reader.unsigned();
    const now = performance.now();
    visitRanges(reader, (client, clock, length) =>
      ledger.updateReceived(member, client, clock, length, now),
    );
  }

  #readAwareness(buffer: Buffer, start: number, end: number): void {
    const { ledger, member, workload } = this.#options;
    const now = performance.now();
    reader.unsigned();
    const count = reader.unsigned();
    const news: Buffer[] = [];
    for (let entry = 0; entry < count; entry++) {
      const from = reader.position;
      const client = reader.unsigned();
      const clock = reader.unsigned();
      reader.skip(reader.unsigned());
      if (ledger.presenceReceived(member, client, clock, now)) {
        news.push(buffer.subarray(from, reader.position));
      }
    }
    if (news.length === 0 || !workload.returnsPresence) return;
    // When all of it is new, a provider encodes the very bytes that it got.
    const message = news.length === count ? buffer.subarray(start, end) : awarenessMessage(news);
    this.#returned.push(maskedFrame(message));
  }
}
