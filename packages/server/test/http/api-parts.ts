import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "@hono/zod-openapi";
import { pino } from "pino";
import * as Y from "yjs";
import { Fleet } from "../../src/fleet/fleet.ts";
import { LiveRooms } from "../../src/fleet/live-rooms.ts";
import { LocalServer } from "../../src/fleet/server-calls-local.ts";
import { RemoteServer } from "../../src/fleet/server-calls-remote.ts";
import { apiRoutes } from "../../src/http/api/api-routes.ts";
import { MetadataWriter } from "../../src/metadata/metadata-writer.ts";
import { alone } from "../../src/replication/cluster.ts";
import type { Registry } from "../../src/replication/registry.ts";
import { ServerClient } from "../../src/replication/server-client.ts";
import { readStored, type Stores } from "../../src/room/persistence/stored-room.ts";
import { RoomTable } from "../../src/room/room-table.ts";
import { Health } from "../../src/runtime/health.ts";
import { LoopDelay } from "../../src/runtime/metrics/loop-delay.ts";
import { observe } from "../../src/server/observe.ts";
import type { Journal } from "../../src/storage/journal.ts";
import type { Metadata } from "../../src/storage/metadata.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { type Answer, send, serve, whenDone } from "./http-parts.ts";

export const ADDRESS = "127.0.0.1:1";
const logger = pino({ level: "silent" });

export interface ApiOptions {
  readonly maxMessageBytes?: number;
  readonly maxDocumentBytes?: number;
  /** Wraps the journal. */
  readonly journal?: (journal: Journal) => Journal;
  /** The addresses of the cluster's servers; by default, there is only one server. */
  readonly servers?: Registry["servers"];
}

/** The API of one server on a real store, with connections simulated by the test. */
export class TestApi {
  readonly documents: RoomTable;
  readonly metadata: Metadata;
  readonly draining: AbortController = new AbortController();
  /** The rooms for which a recheck was requested. */
  readonly rechecked: string[] = [];
  readonly #liveRooms: LiveRooms = new LiveRooms();
  #port = 0;

  private constructor(documents: RoomTable, metadata: Metadata) {
    this.documents = documents;
    this.metadata = metadata;
  }

  static async start(options: ApiOptions = {}): Promise<TestApi> {
    const directory = await mkdtemp(join(tmpdir(), "symphony-api-"));
    whenDone(() => rm(directory, { recursive: true }));
    const store = await openSqliteStore(directory, logger);
    whenDone(() => store.close());
    const stores = { ...store, journal: options.journal?.(store.journal) ?? store.journal };
    const writer = new MetadataWriter(store.metadata, logger);
    whenDone(() => writer.close());
    const cluster = alone(ADDRESS);
    const documents = new RoomTable({
      stores,
      cluster,
      observer: observe({ metadata: writer }),
      logger,
      snapshotInterval: 60_000,
      unloadDelay: 0,
      collect: true,
      maxDocumentBytes: options.maxDocumentBytes ?? 10_000_000,
    });
    whenDone(() => documents.close(AbortSignal.timeout(5_000)));
    const api = new TestApi(documents, store.metadata);
    const { servers = cluster.registry.servers } = options;
    await api.#serve(stores, { ...cluster.registry, servers }, options);
    return api;
  }

  async #serve(
    stores: Stores & { readonly metadata: Metadata },
    registry: Registry,
    { maxMessageBytes = 1_000_000 }: ApiOptions,
  ): Promise<void> {
    const { documents } = this;
    const loopDelay = new LoopDelay();
    whenDone(async () => loopDelay.close());
    const local = new LocalServer({
      address: ADDRESS,
      version: "1.2.3",
      startedAt: 0,
      rooms: documents,
      liveRooms: this.#liveRooms,
      health: new Health(),
      registry,
      loopDelay,
      recheck: async (room) => {
        this.rechecked.push(room);
      },
    });
    const client = new ServerClient("a secret of the cluster");
    whenDone(async () => client.close());
    const connect = (address: string) => new RemoteServer(address, client);
    const { port } = await serve(
      apiRoutes({
        metadata: stores.metadata,
        fleet: new Fleet({ local, registry, connect, stores, logger }),
        rooms: documents,
        documentJson: (room, updates) => documents.workers.run(room, "toJson", updates),
        readStored: (room) => readStored(room, stores),
        version: "1.2.3",
        maxMessageBytes,
        draining: this.draining.signal,
        logger,
      }),
    );
    this.#port = port;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Simulates a connection to each of these rooms. */
  connect(...rooms: string[]): void {
    for (const room of rooms) this.#liveRooms.connected(room);
  }

  disconnect(...rooms: string[]): void {
    for (const room of rooms) this.#liveRooms.disconnected(room);
  }

  /** @param path below `/api` */
  request(path: string, options?: Parameters<typeof send>[1]): Promise<Answer> {
    return send({ port: this.port, path: `/api${path}` }, options);
  }

  /** The JSON of a successful response. @throws Error with the API's response otherwise */
  async get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    const answer = await this.request(path);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body.toString()}`);
    return schema.parse(JSON.parse(answer.body.toString()));
  }

  /** Applies an update through the API. */
  post(room: string, update: Uint8Array): Promise<Answer> {
    return this.request(`/rooms/${encodeURIComponent(room)}/updates`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: update,
    });
  }

  /** Creates a room that contains this text. */
  async write(room: string, text: string): Promise<void> {
    const answer = await this.post(room, updateOf(text));
    if (answer.status !== 204) throw new Error(`${answer.status}: ${answer.body.toString()}`);
  }
}

/** An update that inserts a text into the root `text`. */
export function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

/** The content of the root `text` after applying an update. */
export function textOf(update: Uint8Array): string {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, update);
  return doc.getText("text").toString();
}
