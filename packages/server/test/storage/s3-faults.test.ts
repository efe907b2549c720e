import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SnapshotConflictError, StorageError } from "../../src/storage/errors.ts";
import type { SnapshotStore } from "../../src/storage/snapshots.ts";
import { useS3 } from "./s3-fixtures.ts";
import { S3Proxy } from "./s3-proxy.ts";

const MIB = 1024 * 1024;
const FIRST = Uint8Array.of(1);
const SECOND = Uint8Array.of(2);

const s3 = useS3();

describe("S3 snapshots: outage", () => {
  it("fail within 10 s while S3 is down, and recover when it is back", async () => {
    const snapshots = s3.open(await s3.newBucket());
    const version = await snapshots.write("a", FIRST, null);
    await s3.ceph.kill();
    await expectAllToFail(snapshots, { within: 10_000 });
    await s3.ceph.start();
    expect(await snapshots.read("a")).toEqual({ update: FIRST, version });
    await snapshots.write("a", SECOND, version);
  });

  it("fail within half a minute while S3 is frozen, and recover afterwards", async () => {
    const snapshots = s3.open(await s3.newBucket());
    await snapshots.write("a", FIRST, null);
    s3.ceph.pause();
    try {
      await expectAllToFail(snapshots, { within: 31_000 });
    } finally {
      s3.ceph.resume();
    }
    // Abandoned writes may have arrived, but they were conditional.
    const found = await snapshots.read("a");
    await snapshots.write("a", SECOND, found?.version ?? null);
    expect((await snapshots.read("a"))?.update).toEqual(SECOND);
  });
});

describe("S3 snapshots: faults of S3 and the network", () => {
  let proxy: S3Proxy;
  beforeEach(async () => {
    proxy = await S3Proxy.start(s3.ceph.endpoint);
    vi.stubEnv("AWS_ENDPOINT_URL_S3", proxy.endpoint);
  });
  afterEach(() => proxy.close());

  it("write conditionally, without waiting for S3 to check the condition first", async () => {
    const snapshots = s3.open(await s3.newBucket());
    proxy.requests.splice(0);
    const version = await snapshots.write("a", FIRST, null);
    await snapshots.write("a", SECOND, version);
    const writes = proxy.requests.filter(({ method }) => method === "PUT");
    expect(writes.map(({ headers }) => headers["if-none-match"] ?? headers["if-match"])).toEqual([
      "*",
      version.replaceAll('"', ""),
    ]);
    expect(writes.map(({ headers }) => headers.expect)).toEqual([undefined, undefined]);
  });

  it("lose nothing while half of the responses are 500 or 503", async () => {
    const snapshots = s3.open(await s3.newBucket());
    let count = 0;
    proxy.handler = async (_, forward) => {
      const kind = count++ % 8;
      if (kind === 0 || kind === 3) return { status: 503 };
      // The request itself succeeds.
      const reply = await forward();
      return kind === 5 || kind === 6 ? { status: 500 } : reply;
    };
    const writers = Array.from({ length: 10 }, (_, i) => i + 1);
    await Promise.all(writers.map((writer) => addUntilStored(snapshots, writer)));
    proxy.handler = (_, forward) => forward();
    const found = await snapshots.read("a");
    expect([...(found?.update ?? [])].sort((one, other) => one - other)).toEqual(writers);
  });

  it("report a conflict if a write succeeded but its response was lost", async () => {
    const snapshots = s3.open(await s3.newBucket());
    const version = await snapshots.write("a", FIRST, null);
    proxy.handler = async ({ method }, forward) => {
      const reply = await forward();
      return method === "PUT" && reply.status === 200 ? { status: 500 } : reply;
    };
    await expect(snapshots.write("a", SECOND, version)).rejects.toThrow(SnapshotConflictError);
    expect((await snapshots.read("a"))?.update).toEqual(SECOND);
  });

  it("report a write that keeps failing as a conflict only if another write was stored", async () => {
    const bucket = await s3.newBucket();
    const snapshots = s3.open(bucket);
    const version = await snapshots.write("a", FIRST, null);
    proxy.handler = async ({ method }, forward) =>
      method === "PUT" ? { status: 500 } : await forward();
    const write = () => snapshots.write("a", Uint8Array.of(3), version);
    const error = await write().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StorageError);
    expect(error).not.toBeInstanceOf(SnapshotConflictError);
    await s3.put(bucket, "a", SECOND);
    await expect(write()).rejects.toThrow(SnapshotConflictError);
    expect(await s3.get(bucket, "a")).toEqual(SECOND);
  });

  it.each(["break", "silence"] as const)(
    "fail within 10 s when a body stops in the middle (%s)",
    async (then) => {
      const bucket = await s3.newBucket();
      await s3.put(bucket, "a", new Uint8Array(8 * MIB).fill(1));
      const snapshots = s3.open(bucket);
      proxy.handler = async (_, forward) => ({
        ...(await forward()),
        cut: { after: 3 * MIB, then },
      });
      const since = performance.now();
      await expect(snapshots.read("a")).rejects.toThrow(StorageError);
      expect(performance.now() - since).toBeLessThan(10_000);
      proxy.handler = (_, forward) => forward();
      expect((await snapshots.read("a"))?.update).toHaveLength(8 * MIB);
    },
  );

  it("make at most 40 requests at a time", async () => {
    const snapshots = s3.open(await s3.newBucket());
    proxy.mostAtOnce = 0;
    const rooms = Array.from({ length: 500 }, (_, i) => `room ${i}`);
    const found = await Promise.all(rooms.map((room) => snapshots.read(room)));
    expect(new Set(found)).toEqual(new Set([null]));
    expect(proxy.mostAtOnce).toBeGreaterThan(10);
    expect(proxy.mostAtOnce).toBeLessThanOrEqual(40);
  });

  describe("a snapshot of 20 MB", () => {
    const large = new Uint8Array(20 * MIB).fill(3);

    it("leaves nothing behind if the upload of a part fails", async () => {
      const bucket = await s3.newBucket();
      const snapshots = s3.open(bucket);
      const version = await snapshots.write("a", FIRST, null);
      proxy.handler = async ({ url }, forward) =>
        url.includes("partNumber=2") ? { status: 500 } : await forward();
      const error = await snapshots.write("a", large, version).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).not.toBeInstanceOf(SnapshotConflictError);
      expect(await snapshots.read("a")).toEqual({ update: FIRST, version });
      expect(await uploadsIn(bucket)).toEqual([]);
    });

    it("does not replace a snapshot that was stored while its parts were uploading", async () => {
      const bucket = await s3.newBucket();
      const snapshots = s3.open(bucket);
      const version = await snapshots.write("a", FIRST, null);
      proxy.handler = async ({ url }, forward) => {
        if (url.includes("partNumber=3")) await s3.put(bucket, "a", SECOND);
        return await forward();
      };
      const write = snapshots.write("a", large, version);
      await expect(write).rejects.toThrow(SnapshotConflictError);
      expect(await s3.get(bucket, "a")).toEqual(SECOND);
      expect(await uploadsIn(bucket)).toEqual([]);
    });

    it("is a conflict if it is replaced as soon as its upload completes", async () => {
      const bucket = await s3.newBucket();
      const snapshots = s3.open(bucket);
      proxy.handler = async ({ method, url }, forward) => {
        const reply = await forward();
        const isEnd = method === "POST" && url.includes("uploadId=");
        if (isEnd) await s3.put(bucket, "a", SECOND);
        return reply;
      };
      await expect(snapshots.write("a", large, null)).rejects.toThrow(SnapshotConflictError);
      expect(await s3.get(bucket, "a")).toEqual(SECOND);
    });

    it("is stored or reported as a conflict if the response to its completion is lost", async () => {
      const bucket = await s3.newBucket();
      const snapshots = s3.open(bucket);
      let lost = 0;
      proxy.handler = async ({ method, url }, forward) => {
        const reply = await forward();
        const isEnd = method === "POST" && url.includes("uploadId=");
        if (!isEnd || lost > 0) return reply;
        lost++;
        return { status: 500 };
      };
      const result = await snapshots.write("a", large, null).catch((thrown: unknown) => thrown);
      const found = await snapshots.read("a");
      if (result instanceof Error) expect(result).toBeInstanceOf(SnapshotConflictError);
      else expect(result).toBe(found?.version);
      expect(lost).toBe(1);
      expect(Buffer.compare(found?.update ?? FIRST, large)).toBe(0);
      expect(await uploadsIn(bucket)).toEqual([]);
    });
  });
});

/** Reads, adds a byte and writes, until the byte is stored. */
async function addUntilStored(snapshots: SnapshotStore, byte: number): Promise<void> {
  for (;;) {
    try {
      const current = await snapshots.read("a");
      const bytes = new Set(current?.update);
      // An earlier write was stored, but its response was lost.
      if (bytes.has(byte)) return;
      await snapshots.write("a", Uint8Array.of(...bytes, byte), current?.version ?? null);
      return;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
  }
}

async function uploadsIn(bucket: string): Promise<unknown[]> {
  const { Uploads } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  return Uploads ?? [];
}

/** Expects all calls, with small and large snapshots, to fail, but not as conflicts. */
async function expectAllToFail(
  snapshots: SnapshotStore,
  { within }: { within: number },
): Promise<void> {
  const since = performance.now();
  const results = await Promise.allSettled([
    snapshots.read("a"),
    snapshots.write("a", SECOND, null),
    snapshots.write("b", new Uint8Array(4 * MIB), null),
    snapshots.write("c", new Uint8Array(20 * MIB), null),
    snapshots.delete("c"),
  ]);
  for (const result of results) {
    expect(result.status).toBe("rejected");
    if (result.status === "fulfilled") continue;
    expect(result.reason).toBeInstanceOf(StorageError);
    expect(result.reason).not.toBeInstanceOf(SnapshotConflictError);
  }
  expect(performance.now() - since).toBeLessThan(within);
}

describe("S3 snapshots: S3 without checksum support", () => {
  /** The requests that were rejected because of their headers. */
  let refused: string[];
  let proxy: S3Proxy;
  beforeEach(async () => {
    proxy = await S3Proxy.start(s3.ceph.endpoint);
    vi.stubEnv("AWS_ENDPOINT_URL_S3", proxy.endpoint);
    refused = [];
    proxy.handler = async ({ method, url, headers }, forward) => {
      const unknown = Object.keys(headers).filter((name) =>
        /^x-amz-(.*checksum|trailer)/.test(name),
      );
      if (unknown.length === 0) return forward();
      refused.push(`${method} ${url}: ${unknown}`);
      const body = Buffer.from(
        "<Error><Code>NotImplemented</Code><Message>A header is not implemented.</Message></Error>",
      );
      return { status: 501, headers: { "content-type": "application/xml" }, body };
    };
  });
  afterEach(async () => {
    vi.stubEnv("AWS_REQUEST_CHECKSUM_CALCULATION", undefined);
    vi.stubEnv("AWS_RESPONSE_CHECKSUM_VALIDATION", undefined);
    await proxy.close();
  });

  it("work with the SDK settings that turn checksums off, even for multipart uploads", async () => {
    const bucket = await s3.newBucket();
    vi.stubEnv("AWS_REQUEST_CHECKSUM_CALCULATION", "WHEN_REQUIRED");
    vi.stubEnv("AWS_RESPONSE_CHECKSUM_VALIDATION", "WHEN_REQUIRED");
    const snapshots = s3.open(bucket);
    const large = Buffer.alloc(20 * MIB, "large");
    const first = await snapshots.write("large", large, null);
    const second = await snapshots.write("large", large.subarray(0, 18 * MIB), first);
    await snapshots.write("small", FIRST, null);
    expect(refused).toEqual([]);
    const found = await snapshots.read("large");
    expect([found?.version, found?.update.length]).toEqual([second, 18 * MIB]);
    expect(proxy.requests.filter(({ url }) => url.includes("partNumber=")).length).toBe(6);
  });

  it("report which setting is needed, and store nothing without it", async () => {
    const snapshots = s3.open(await s3.newBucket());
    for (const content of [FIRST, Buffer.alloc(20 * MIB)]) {
      await expect(snapshots.write("a", content, null)).rejects.toThrow(
        /set AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED/,
      );
    }
    proxy.handler = (_, forward) => forward();
    expect(await snapshots.read("a")).toBe(null);
  });
});
