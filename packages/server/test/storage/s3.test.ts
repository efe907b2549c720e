import { GetObjectCommand, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import { ODD_ROOM_NAMES } from "../../src/conformance/test-storage.ts";
import { CorruptedError, SnapshotConflictError, StorageError } from "../../src/storage/errors.ts";
import { createBucket } from "../../src/storage/s3/create-bucket.ts";
import type { SnapshotStore, SnapshotVersion } from "../../src/storage/snapshots.ts";
import { CEPH, useS3 } from "./s3-fixtures.ts";

const ROOMS = [...ODD_ROOM_NAMES, "../x", "/a", "a//b", "./a", ".", "..", "a+b", "a?b=c&d", "a#b"];
const MIB = 1024 * 1024;
const UPDATE = Uint8Array.of(1);

const s3 = useS3();

describe("an object in the bucket", () => {
  it("can be written by other programs, under the room's name", async () => {
    const bucket = await s3.newBucket();
    for (const room of ROOMS) await s3.put(bucket, room, updateWith(room));
    const snapshots = s3.open(bucket);
    for (const room of ROOMS) {
      expect(textOf((await snapshots.read(room))?.update)).toBe(room);
    }
  });

  it("can be read by other programs", async () => {
    const bucket = await s3.newBucket();
    const snapshots = s3.open(bucket, "some/prefix-");
    for (const room of ROOMS) await snapshots.write(room, updateWith(room), null);
    for (const room of ROOMS) {
      expect(textOf(await s3.get(bucket, `some/prefix-${room}`))).toBe(room);
    }
    const Key = "some/prefix-a";
    const { ContentType } = await s3.client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    expect(ContentType).toBe("application/octet-stream");
  });

  it("is corrupted if it is empty", async () => {
    const bucket = await s3.newBucket();
    await s3.put(bucket, "a", new Uint8Array());
    await expect(s3.open(bucket).read("a")).rejects.toThrow(CorruptedError);
  });

  it("is read into memory shared between threads if it is large", async () => {
    const bucket = await s3.newBucket();
    const large = new Uint8Array(20_000_000).fill(7);
    await s3.put(bucket, "large", large);
    await s3.put(bucket, "small", UPDATE);
    const snapshots = s3.open(bucket);
    const { update } = (await snapshots.read("large")) ?? {};
    expect(update?.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(Buffer.compare(update ?? UPDATE, large)).toBe(0);
    expect((await snapshots.read("small"))?.update.buffer).toBeInstanceOf(ArrayBuffer);
  });
});

describe("thirty concurrent writers", () => {
  it("have one winner and 29 conflicts, whether or not a snapshot exists", async () => {
    const snapshots = s3.open(await s3.newBucket());
    let version: SnapshotVersion | null = null;
    for (let round = 0; round < 3; round++) {
      version = await expectOneWinner(snapshots, round, version);
      expect((await snapshots.read("a"))?.version).toBe(version);
    }
  });
});

describe("a snapshot of 40 MB", () => {
  const large = new Uint8Array(40 * MIB + 7).map((_, i) => i % 251);

  it("is uploaded conditionally, in parts, and leaves no unfinished upload behind", async () => {
    const bucket = await s3.newBucket();
    const snapshots = s3.open(bucket);
    const version = await snapshots.write("a", large, null);
    const found = await snapshots.read("a");
    expect(found?.version).toBe(version);
    expect(Buffer.compare(found?.update ?? UPDATE, large)).toBe(0);
    // The ETag includes the number of parts.
    expect(version).toMatch(/-6"$/);
    const { ContentType } = await s3.client.send(
      new GetObjectCommand({ Bucket: bucket, Key: "a", Range: "bytes=0-0" }),
    );
    expect(ContentType).toBe("application/octet-stream");

    await expect(snapshots.write("a", large, null)).rejects.toThrow(SnapshotConflictError);
    const next = await snapshots.write("a", UPDATE, version);
    await expect(snapshots.write("a", large, version)).rejects.toThrow(SnapshotConflictError);
    await expect(snapshots.write("b", large, version)).rejects.toThrow(SnapshotConflictError);
    expect(await snapshots.read("a")).toEqual({ update: UPDATE, version: next });
    expect(await snapshots.read("b")).toBeNull();

    const last = await snapshots.write("a", large, next);
    expect((await snapshots.read("a"))?.version).toBe(last);
    const { Uploads } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads ?? []).toEqual([]);
  });
});

describe("errors", () => {
  it("name the missing bucket, and say what to do", async () => {
    const snapshots = s3.open("missing-bucket", "rooms/");
    const calls = {
      read: () => snapshots.read("a"),
      write: () => snapshots.write("a", UPDATE, null),
      delete: () => snapshots.delete("a"),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await call().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).not.toBeInstanceOf(SnapshotConflictError);
      expect(error).toHaveProperty(
        "message",
        `Could not ${name} the snapshot "rooms/a" in the S3 bucket "missing-bucket": ` +
          "the bucket does not exist; run symphony-backend setup, or check S3_BUCKET",
      );
    }
    const large = new Uint8Array(20 * MIB);
    await expect(snapshots.write("a", large, null)).rejects.toThrow("setup");
  });

  it("report wrong credentials", async () => {
    const bucket = await s3.newBucket();
    const { accessKey, secretKey } = s3.ceph;
    try {
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wrong");
      await expect(s3.open(bucket).read("a")).rejects.toThrow("check AWS_SECRET_ACCESS_KEY");
      vi.stubEnv("AWS_ACCESS_KEY_ID", "nobody");
      await expect(s3.open(bucket).read("a")).rejects.toThrow("check AWS_ACCESS_KEY_ID");
      await expect(createBucket(bucket, CEPH)).rejects.toThrow("check the credentials");
    } finally {
      vi.stubEnv("AWS_ACCESS_KEY_ID", accessKey);
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretKey);
    }
  });

  it("report an invalid bucket name", async () => {
    await expect(createBucket("x", CEPH)).rejects.toThrow(/bucket "x".*check S3_BUCKET/);
  });
});

describe("a bucket", () => {
  it("can be created repeatedly and concurrently, and keeps its contents", async () => {
    const bucket = await s3.newBucket();
    await s3.put(bucket, "a", UPDATE);
    await Promise.all(Array.from({ length: 5 }, () => createBucket(bucket, CEPH)));
    expect(await s3.get(bucket, "a")).toEqual(UPDATE);
  });
});

async function expectOneWinner(
  snapshots: SnapshotStore,
  round: number,
  expected: SnapshotVersion | null,
): Promise<SnapshotVersion> {
  const results = await Promise.allSettled(
    Array.from({ length: 30 }, (_, i) => snapshots.write("a", Uint8Array.of(round, i), expected)),
  );
  const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toBeInstanceOf(SnapshotConflictError);
  }
  const [version, ...others] = won;
  expect(others).toEqual([]);
  if (version === undefined) throw new Error("no writer won");
  return version;
}

function updateWith(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

function textOf(update: Uint8Array | undefined): string | undefined {
  if (update === undefined) return undefined;
  const doc = new Y.Doc();
  Y.applyUpdate(doc, update);
  return doc.getText("text").toString();
}
