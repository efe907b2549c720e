import { randomUUID } from "node:crypto";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import pLimit, { type LimitFunction } from "p-limit";
import type { Logger } from "pino";
import { allocateShared, SHARED_BYTES } from "../../runtime/byte-memory.ts";
import { CorruptedError, SnapshotConflictError, StorageError } from "../errors.ts";
import type { Snapshot, SnapshotStore, SnapshotVersion } from "../snapshots.ts";
import { type Condition, uploadInParts } from "./multipart.ts";
import { codeOf, explain, statusOf } from "./s3-errors.ts";
import { TimeLimit } from "./time-limit.ts";

export interface S3SnapshotsOptions {
  readonly bucket: string;
  /** Prefix of the keys of all snapshots. */
  readonly prefix: string;
  readonly logger?: Pick<Logger, "warn"> | undefined;
}

/** Less than the client's maximum number of sockets. */
const CALLS_AT_ONCE = 40;
/** Larger snapshots are uploaded in parts. */
const SINGLE_REQUEST_BYTES = 16 * 1024 * 1024;
const CONTENT_TYPE = "application/octet-stream";

/**
 * Snapshots as objects: the key is the prefix plus the room name, the body is the encoded update,
 * and the version is the ETag. The ETag is derived from the content, so equal snapshots of a room
 * have equal versions.
 */
export class S3Snapshots implements SnapshotStore {
  readonly #client: S3Client;
  readonly #options: S3SnapshotsOptions;
  readonly #limit: LimitFunction = pLimit(CALLS_AT_ONCE);
  readonly #running: Set<Promise<unknown>> = new Set();
  #closed: Promise<void> | undefined;

  /** @param client destroyed by `close` */
  constructor(client: S3Client, options: S3SnapshotsOptions) {
    this.#client = client;
    this.#options = options;
  }

  read(room: string): Promise<Snapshot | null> {
    return this.#call("read", room, (limit) => this.#read(room, limit));
  }

  write(
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): Promise<SnapshotVersion> {
    return this.#call("write", room, async (limit) => {
      try {
        limit.allow(update.length);
        const body = Buffer.from(update.buffer, update.byteOffset, update.byteLength);
        return body.length > SINGLE_REQUEST_BYTES
          ? await this.#writeInParts(room, body, expected, limit)
          : await this.#write(room, body, expected, limit);
      } catch (error) {
        if (await this.#isConflict(room, expected, error, limit)) throw this.#conflict(room, error);
        throw error;
      }
    });
  }

  delete(room: string): Promise<void> {
    return this.#call("delete", room, async ({ signal }) => {
      const command = new DeleteObjectCommand(this.#object(room));
      await this.#client.send(command, { abortSignal: signal });
    });
  }

  async close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#running).then(() => this.#client.destroy());
    await this.#closed;
  }

  async #read(room: string, limit: TimeLimit): Promise<Snapshot | null> {
    let found: GetObjectCommandOutput;
    try {
      const command = new GetObjectCommand(this.#object(room));
      found = await this.#client.send(command, { abortSignal: limit.signal });
    } catch (error) {
      if (codeOf(error) === "NoSuchKey") return null;
      throw error;
    }
    limit.allow(found.ContentLength ?? 0);
    const update = await readObject(found);
    if (update.length === 0) throw new CorruptedError(`${this.#name(room)} is empty`);
    return { update, version: versionOf(found.ETag) };
  }

  async #write(
    room: string,
    body: Buffer,
    expected: SnapshotVersion | null,
    { signal }: TimeLimit,
  ): Promise<SnapshotVersion> {
    const command = new PutObjectCommand({
      ...this.#object(room),
      ...conditionOf(expected),
      ContentType: CONTENT_TYPE,
      Body: body,
    });
    const { ETag } = await this.#client.send(command, { abortSignal: signal });
    return versionOf(ETag);
  }

  async #writeInParts(
    room: string,
    body: Buffer,
    expected: SnapshotVersion | null,
    limit: TimeLimit,
  ): Promise<SnapshotVersion> {
    const writer = randomUUID();
    const etag = await uploadInParts(this.#client, {
      object: { ...this.#object(room), ContentType: CONTENT_TYPE, Metadata: { writer } },
      body,
      condition: conditionOf(expected),
      signal: limit.signal,
      // Ceph ignores the condition of a multipart upload. Checking just before the end leaves a
      // race of one request there; with AWS there is none.
      beforeEnd: async () => {
        if (await this.#isAnother(room, expected, limit)) throw this.#conflict(room);
      },
      onLeftover: (error) => {
        const leftover = `could not remove an unfinished upload of ${this.#name(room)}`;
        this.#options.logger?.warn({ room, err: error }, leftover);
      },
    });
    if (etag) return versionOf(etag);
    // Another writer may have replaced the object already. If its version were mistaken for this
    // one's, the next write would overwrite its content.
    const current = await this.#current(room, limit);
    if (current?.Metadata?.writer !== writer) throw this.#conflict(room);
    return versionOf(current.ETag);
  }

  /** Whether a write failed because another writer was first. */
  async #isConflict(
    room: string,
    expected: SnapshotVersion | null,
    error: unknown,
    limit: TimeLimit,
  ): Promise<boolean> {
    if (error instanceof StorageError) return false;
    const status = statusOf(error);
    if (status === 409 || status === 412 || codeOf(error) === "NoSuchKey") return true;
    const isUnclear = (status !== undefined && status >= 500) || codeOf(error) === "NoSuchUpload";
    if (!isUnclear) return false;
    // The write may have succeeded after all, or another writer was first but S3 responded with a
    // misleading status, as Ceph does under load. The object itself shows which.
    try {
      return await this.#isAnother(room, expected, limit);
    } catch {
      // S3 is unreachable: the error of the write says why.
      return false;
    }
  }

  async #isAnother(
    room: string,
    expected: SnapshotVersion | null,
    limit: TimeLimit,
  ): Promise<boolean> {
    const current = await this.#current(room, limit);
    return (current === null ? null : versionOf(current.ETag)) !== expected;
  }

  async #current(room: string, { signal }: TimeLimit): Promise<HeadObjectCommandOutput | null> {
    try {
      const command = new HeadObjectCommand(this.#object(room));
      return await this.#client.send(command, { abortSignal: signal });
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
  }

  async #call<T>(what: string, room: string, work: (limit: TimeLimit) => Promise<T>): Promise<T> {
    const task = `${what} ${this.#name(room)}`;
    if (this.#closed !== undefined)
      throw new StorageError(`Could not ${task}: the store is closed`);
    const running = TimeLimit.during((limit) => this.#limit(() => work(limit)));
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw explain(task, error);
    } finally {
      this.#running.delete(running);
    }
  }

  #conflict(room: string, cause?: unknown): SnapshotConflictError {
    return new SnapshotConflictError(`${this.#name(room)} was replaced by another writer`, {
      cause,
    });
  }

  #object(room: string): { Bucket: string; Key: string } {
    const { bucket, prefix } = this.#options;
    return { Bucket: bucket, Key: prefix + room };
  }

  #name(room: string): string {
    const { Bucket, Key } = this.#object(room);
    return `the snapshot ${JSON.stringify(Key)} in the S3 bucket ${JSON.stringify(Bucket)}`;
  }
}

function conditionOf(expected: SnapshotVersion | null): Condition {
  return expected === null ? { IfNoneMatch: "*" } : { IfMatch: expected };
}

function versionOf(etag: string | undefined): SnapshotVersion {
  if (!etag) throw new Error("S3 sent a response without an ETag");
  // Ceph omits the quotes when the completion of an upload is repeated.
  return (etag.startsWith('"') ? etag : `"${etag}"`) as SnapshotVersion;
}

/**
 * Reads the body of an object into one array. A large one is allocated so that worker threads can
 * share it.
 *
 * @throws Error if it is shorter or longer than announced, or does not match its checksum
 */
async function readObject({
  Body,
  ContentLength: length,
}: GetObjectCommandOutput): Promise<Uint8Array> {
  if (Body === undefined || length === undefined)
    throw new Error("S3 sent a response without a length");
  const bytes = length < SHARED_BYTES ? new Uint8Array(length) : allocateShared(length);
  let end = 0;
  for await (const chunk of Body as AsyncIterable<Uint8Array>) {
    if (end + chunk.length > length)
      throw new Error(`the response is longer than the announced ${length} bytes`);
    bytes.set(chunk, end);
    end += chunk.length;
  }
  if (end < length) throw new Error(`the response ended after ${end} of ${length} bytes`);
  return bytes;
}
