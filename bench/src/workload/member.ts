import { ByteReader } from "../client/byte-reader.ts";
import {
  awarenessMessage,
  MESSAGE_AWARENESS,
  MESSAGE_SYNC,
  SYNC_STEP_1,
  SYNC_STEP_2,
  syncMessage,
} from "../client/messages.ts";
import { visitRanges } from "../client/update-ranges.ts";
import {
  type ClientListener,
  dialectOf,
  type Endpoint,
  WebSocketClient,
} from "../client/websocket-client.ts";
import {
  CHARACTERS_PER_UPDATE,
  clientIdOf,
  encodeStateVector,
  encodeTyped,
  presenceMessage,
  presenceNumber,
  updateMessage,
} from "./author.ts";
import type { Ledger } from "./ledger.ts";
import { roomOf, type Workload } from "./workload.ts";

export interface MemberOptions {
  readonly endpoint: Endpoint;
  readonly workload: Workload;
  readonly member: number;
  readonly ledger: Ledger;
  /** Called if the run is void: the connection ended, or the server sent data that no one wrote. */
  readonly failed: (reason: string) => void;
}

const JOIN_TIMEOUT_MS = 60_000;

/** The length of the JSON text `null`, with which a server reports that a client left. */
const LEFT_BYTES = 4;

/** One reader serves all members, because each message is read synchronously. */
const reader = new ByteReader();

/** Start and end of each new entry in the current presence message, alternating; reused. */
const newsBounds: number[] = [];

function newsIn(buffer: Buffer, bounds: number): Buffer[] {
  const entries: Buffer[] = [];
  for (let place = 0; place < bounds; place += 2) {
    entries.push(buffer.subarray(newsBounds[place], newsBounds[place + 1]));
  }
  return entries;
}

/**
 * A member of a room: follows the schedule and answers the server as a provider does. It can leave
 * and return, and then brings along what it typed in the meantime.
 */
export class Member implements ClientListener {
  readonly #options: MemberOptions;
  readonly #returnsPresence: boolean;
  readonly #returned: Buffer[] = [];
  #joined: PromiseWithResolvers<void> | undefined;
  #client: WebSocketClient | undefined;
  #presenceClock = 0;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#returnsPresence =
      options.workload.returnsPresence && dialectOf(options.endpoint).returnsPresence;
  }

  /** Connects. Resolves once the server has sent its state; rejects if that takes over a minute. */
  async join(endpoint: Endpoint = this.#options.endpoint): Promise<void> {
    const { workload, member, ledger } = this.#options;
    const room = roomOf(workload, Math.floor(member / workload.membersPerRoom));
    const client = await WebSocketClient.connect(endpoint, room, this);
    const joined = Promise.withResolvers<void>();
    const timer = setTimeout(
      () =>
        joined.reject(new Error(`member ${member} took over ${JOIN_TIMEOUT_MS / 1000} s to join`)),
      JOIN_TIMEOUT_MS,
    );
    this.#client = client;
    this.#joined = joined;
    client.send(syncMessage(SYNC_STEP_1, encodeStateVector(ledger.documentOf(member))));
    if (workload.presencePerSecond > 0) this.changePresence();
    try {
      await joined.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  leave(): void {
    this.#client?.close();
    this.#returned.length = 0;
  }

  /** Joins again after `leave`, possibly on another server. */
  async rejoin(endpoint?: Endpoint): Promise<void> {
    // The server may have used the next clock to tell the others that this member left.
    if (this.#options.workload.presencePerSecond > 0) this.changePresence();
    await this.join(endpoint);
  }

  /** Types the content of `count` updates, in one update. */
  typeUpdate(count = 1): void {
    const { ledger, member } = this.#options;
    const message = updateMessage(member, ledger.updatesOf(member), count);
    const now = performance.now();
    for (let sent = 0; sent < count; sent++) ledger.updateSent(member, now);
    this.#client?.send(message);
  }

  changePresence(): void {
    const { ledger, member } = this.#options;
    const number = ledger.presenceClockOf(member) + 1;
    const message = presenceMessage(member, ++this.#presenceClock, number);
    ledger.presenceSent(member, performance.now());
    this.#client?.send(message);
  }

  /** Does what `y-protocols` does when told that its own client has left. */
  #announceAgain(clock: number): void {
    const { ledger, member } = this.#options;
    const number = ledger.presenceClockOf(member);
    this.#presenceClock = Math.max(this.#presenceClock, clock);
    if (number > 0) this.#client?.send(presenceMessage(member, ++this.#presenceClock, number));
  }

  message(buffer: Buffer, start: number, end: number): void {
    reader.reset(buffer, start, end);
    const type = reader.unsigned();
    if (type === MESSAGE_AWARENESS) this.#readAwareness(buffer, start, end);
    else if (type === MESSAGE_SYNC) this.#readSync();
  }

  /** Sends the answers to all messages of one read with one write. */
  chunkEnd(): void {
    const [first] = this.#returned;
    if (first === undefined) return;
    this.#client?.write(this.#returned.length === 1 ? first : Buffer.concat(this.#returned));
    this.#returned.length = 0;
  }

  lost(reason: string): void {
    const error = new Error(`member ${this.#options.member}: ${reason}`);
    this.#joined?.reject(error);
    this.#options.failed(error.message);
  }

  #readSync(): void {
    const { ledger, member } = this.#options;
    const kind = reader.unsigned();
    if (kind === SYNC_STEP_1) {
      this.#return(syncMessage(SYNC_STEP_2, this.#readWhatIsLacking()));
      return;
    }
    if (kind === SYNC_STEP_2) this.#joined?.resolve();
    reader.unsigned();
    const now = performance.now();
    visitRanges(reader, (client, clock, length) =>
      ledger.updateReceived(member, client, clock, length, now),
    );
  }

  /** Encodes what the server lacks, according to the state vector at the reader's position. */
  #readWhatIsLacking(): Uint8Array {
    const { ledger, member } = this.#options;
    const clocks = new Map<number, number>();
    reader.unsigned();
    for (let clients = reader.unsigned(); clients > 0; clients--) {
      clocks.set(reader.unsigned(), reader.unsigned());
    }
    const lacking = ledger.documentOf(member).map((typed) => {
      const clock = clocks.get(clientIdOf(typed.member)) ?? 0;
      return { ...typed, from: Math.floor(clock / CHARACTERS_PER_UPDATE) };
    });
    return encodeTyped(lacking.filter(({ from, to }) => from < to));
  }

  #readAwareness(buffer: Buffer, start: number, end: number): void {
    const { ledger, member } = this.#options;
    const now = performance.now();
    reader.unsigned();
    const count = reader.unsigned();
    let news = 0;
    for (let entry = 0; entry < count; entry++) {
      const from = reader.position;
      const client = reader.unsigned();
      const clock = reader.unsigned();
      const bytes = reader.unsigned();
      reader.skip(bytes);
      if (bytes === LEFT_BYTES) {
        if (client === clientIdOf(member)) this.#announceAgain(clock);
        continue;
      }
      const number = presenceNumber(buffer, reader.position);
      if (!ledger.presenceReceived(member, client, number, now)) continue;
      newsBounds[news++] = from;
      newsBounds[news++] = reader.position;
    }
    if (news === 0 || !this.#returnsPresence) return;
    // If all of it is new, a provider would encode exactly the bytes that it received.
    if (news === 2 * count) this.#return(buffer.subarray(start, end));
    else this.#return(awarenessMessage(newsIn(buffer, news)));
  }

  /** Queues an answer until the next `chunkEnd`. */
  #return(message: Uint8Array): void {
    if (this.#client !== undefined) this.#returned.push(this.#client.frame(message));
  }
}
