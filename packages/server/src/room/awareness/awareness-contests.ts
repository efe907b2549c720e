import type { Frame } from "../../protocol/frame.ts";
import type { AwarenessReport, PeerAwareness } from "../../replication/message.ts";
import type { Peer } from "../../replication/peer.ts";
import type { ServerAddress } from "../../replication/registry.ts";
import { Subscriber } from "../subscriber.ts";
import type { Contest } from "./awareness-rules.ts";
import type { RoomAwareness } from "./room-awareness.ts";

export interface ContestsOptions {
  /** Schedules sending the changes to the clients and to other servers. */
  readonly schedule: () => void;
  /** Asks another server whether one of its clients is alive. */
  readonly probe: (holder: ServerAddress, client: number) => void;
}

/**
 * Acts on the consequences of awareness messages from clients and servers: asks owners whether they are
 * alive, and grants claims when they are due.
 */
export class AwarenessContests {
  readonly #awareness: RoomAwareness;
  readonly #options: ContestsOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(awareness: RoomAwareness, options: ContestsOptions) {
    this.#awareness = awareness;
    this.#options = options;
  }

  /** Handles an awareness message from a client. @throws MalformedError */
  receive(states: Uint8Array, from: Subscriber, now: number): void {
    this.#noting(() => {
      const { contests, answer } = this.#awareness.receive(states, from, now);
      answerIfRead(from, answer);
      this.#begin(contests);
    });
  }

  /** Handles awareness from another server. @returns what that server has to be told about its clients */
  receiveFromPeer(report: AwarenessReport, peer: Peer): readonly PeerAwareness[] {
    return this.#noting(() => {
      const { contests, stale } = this.#awareness.fromPeers.receive(report, peer, Date.now());
      this.#begin(contests);
      return stale;
    });
  }

  /** Another server asks whether a client of this server is alive. */
  probed(client: number): void {
    this.#noting(() => {
      const owner = this.#awareness.fromPeers.probed(client, Date.now());
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
        const answer = this.#awareness.owners.answered(client, owner, forPeer, Date.now());
        answerIfRead(owner, answer);
      });
    });
  }

  #settleInTime(): void {
    if (this.#timer !== undefined) return;
    const { dueAt } = this.#awareness.owners.claims;
    if (dueAt === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        // Process pending input first: this server itself may have been blocked.
        setImmediate(() => {
          this.#timer = undefined;
          this.#noting(() => this.#awareness.owners.settle(Date.now()));
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

/** Drops the answer if the client is not reading: nothing is buffered, and its next message is answered. */
function answerIfRead(subscriber: Subscriber, answer: Frame | null): void {
  if (answer !== null && subscriber.sink.writable) subscriber.sink.write([answer]);
}
