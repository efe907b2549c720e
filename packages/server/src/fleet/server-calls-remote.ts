import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import type { DocumentContent } from "../replication/peers.ts";
import { PeerError } from "../replication/peers.ts";
import { MAX_DOCUMENT_ANSWER_BYTES } from "../replication/peers-http.ts";
import type { ServerAddress } from "../replication/registry.ts";
import { asPeerError, readBody, type ServerClient } from "../replication/server-client.ts";
import {
  CALLS_PATH,
  type CallName,
  callMessages,
  decodeInspected,
} from "./server-call-messages.ts";
import type {
  LiveChanges,
  LiveMark,
  RoomConnections,
  ServerCalls,
  ServerState,
} from "./server-calls.ts";

/**
 * Time limit for a call. `inspect` has none: a large document may take as long as data keeps
 * arriving.
 */
const CALL_MS = 3_000;
/** Enough for a million rooms with names of usual length. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_PROBLEM_BYTES = 64 * 1024;

type Body = Readonly<Record<string, unknown>>;

/** Calls another server over HTTP. */
export class RemoteServer implements ServerCalls {
  readonly address: ServerAddress;
  readonly #client: ServerClient;

  constructor(address: ServerAddress, client: ServerClient) {
    this.address = address;
    this.#client = client;
  }

  status(): Promise<ServerState> {
    return this.#call("status", {}, callMessages.status.answer);
  }

  liveRooms(since: LiveMark | null): Promise<LiveChanges> {
    return this.#call("liveRooms", { since }, callMessages.liveRooms.answer);
  }

  held(rooms: readonly string[]): Promise<readonly RoomConnections[]> {
    return this.#call("held", { rooms }, callMessages.held.answer);
  }

  async inspect(room: string): Promise<DocumentContent | null> {
    try {
      const response = await this.#post("inspect", { room });
      if (response.statusCode === 404) {
        response.resume();
        return null;
      }
      return decodeInspected(await this.#read(response, MAX_DOCUMENT_ANSWER_BYTES));
    } catch (error) {
      throw asPeerError(this.address, error);
    }
  }

  async dropRoom(room: string): Promise<void> {
    await this.#call("dropRoom", { room }, callMessages.dropRoom.answer);
  }

  async reopenRoom(room: string, closedUntil?: number): Promise<void> {
    const body = closedUntil === undefined ? { room } : { room, closedUntil };
    await this.#call("reopenRoom", body, callMessages.reopenRoom.answer);
  }

  async recheck(room: string): Promise<void> {
    await this.#call("recheck", { room }, callMessages.recheck.answer);
  }

  async #call<Answer>(name: CallName, body: Body, answer: z.ZodType<Answer>): Promise<Answer> {
    try {
      const signal = AbortSignal.timeout(CALL_MS);
      const response = await this.#post(name, body, signal);
      const bytes = await this.#read(response, MAX_ANSWER_BYTES);
      return answer.parse(JSON.parse(new TextDecoder().decode(bytes)));
    } catch (error) {
      throw asPeerError(this.address, error);
    }
  }

  #post(name: CallName, body: Body, signal?: AbortSignal): Promise<IncomingMessage> {
    return this.#client.post(this.address, `${CALLS_PATH}/${name}`, JSON.stringify(body), signal);
  }

  /** @throws PeerError with the reason reported by the other server */
  async #read(response: IncomingMessage, limit: number): Promise<Uint8Array> {
    if (response.statusCode === 200) return readBody(response, limit);
    const problem = Buffer.from(await readBody(response, MAX_PROBLEM_BYTES)).toString();
    throw new PeerError(`${this.address} responded with status ${response.statusCode}: ${problem}`);
  }
}
