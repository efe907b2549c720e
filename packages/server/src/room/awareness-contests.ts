import type { Frame } from "../protocol/frame.ts";
import type { PeerAwareness } from "../replication/message.ts";
import type { Peer } from "../replication/peer.ts";
import type { ServerAddress } from "../replication/registry.ts";
import type { Contest } from "./awareness-rules.ts";
import type { RoomAwareness } from "./room-awareness.ts";
import { Subscriber } from "./subscriber.ts";

export interface ContestsOptions {
  /** Sends what is new to the clients, and to other servers; soon. */
  readonly schedule: () => void;
  /** Asks another server whether a client of it is alive. */
  readonly probe: (holder: ServerAddress, client: number) => void;
}

/**
 * Carries out what follows from what clients and servers say of presence: owners are asked whether they
 * are alive, and claims are granted in time.
 */
export class AwarenessContests {
  readonly #awareness: RoomAwareness;
  readonly #options: ContestsOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(awareness: RoomAwareness, options: ContestsOptions) {
    this.#awareness = awareness;
    this.#options = options;
  }

  /** Takes what a client says. @throws MalformedError */
  receive(states: Uint8Array, from: Subscriber, now: number): void {
    this.#noting(() => {
      const { contests, answer } = this.#awareness.receive(states, from, now);
      answerIfRead(from, answer);
      this.#begin(contests);
    });
  }

  /** Takes what another server says. @returns what that server does not know of its own clients */
  receiveFromPeer(states: readonly PeerAwareness[], peer: Peer): readonly PeerAwareness[] {
    return this.#noting(() => {
      const { contests, stale } = this.#awareness.receiveFromPeer(states, peer, Date.now());
      this.#begin(contests);
      return stale;
    });
  }

  /** Another server asks for a client that belongs to a connection of this one. */
  probed(client: number): void {
    this.#noting(() => {
      const owner = this.#awareness.probed(client, Date.now());
      if (owner !== null) this.#ask(client, owner, true);
    });
  }

  #begin(contests: readonly Contest[]): void {
    for (const { client, owner, isClaim } of contests) {
      if (owner instanceof Subscriber) this.#ask(client, owner, false);
      else if (isClaim) this.#options.probe(owner.address, client);
    }
    this.#settleInTime();
  }

  #ask(client: number, owner: Subscriber, forPeer: boolean): void {
    owner.sink.probe(() => {
      this.#noting(() => {
        const answer = this.#awareness.answered(client, owner, forPeer, Date.now());
        answerIfRead(owner, answer);
      });
    });
  }

  #settleInTime(): void {
    if (this.#timer !== undefined) return;
    const { dueAt } = this.#awareness;
    if (dueAt === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        // What has come meanwhile is taken first: this server may have stood still itself.
        setImmediate(() => {
          this.#timer = undefined;
          this.#noting(() => this.#awareness.settle(Date.now()));
          this.#settleInTime();
        });
      },
      Math.max(0, dueAt - Date.now()),
    );
    this.#timer.unref();
  }

  #noting<T>(work: () => T): T {
    const { version } = this.#awareness;
    try {
      return work();
    } finally {
      if (this.#awareness.version !== version) this.#options.schedule();
    }
  }
}

/** Nothing waits for a client that does not read: what it says then is answered the next time it does. */
function answerIfRead(subscriber: Subscriber, answer: Frame | null): void {
  if (answer !== null && subscriber.sink.writable) subscriber.sink.write([answer]);
}
