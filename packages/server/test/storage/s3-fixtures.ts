import { randomUUID } from "node:crypto";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Ceph } from "@symphony/services/ceph";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import { createBucket } from "../../src/storage/s3/create-bucket.ts";
import { openS3Snapshots } from "../../src/storage/s3/open.ts";
import type { SnapshotStore } from "../../src/storage/snapshots.ts";

/** The settings that Ceph needs. */
export const CEPH = { forcePathStyle: true, unquotedIfMatch: true };

export interface TestS3 {
  readonly ceph: Ceph;
  /** An ordinary client, as used by any other program. */
  readonly client: S3Client;
  newBucket(): Promise<string>;
  /** Opens snapshots that are closed after the test. */
  open(bucket: string, prefix?: string): SnapshotStore;
  put(bucket: string, key: string, body: Uint8Array): Promise<void>;
  get(bucket: string, key: string): Promise<Uint8Array>;
}

/** Starts S3 for one test file, and configures the SDK for it as for a server. */
export function useS3(): TestS3 {
  const ceph = new Ceph();
  const opened: SnapshotStore[] = [];
  let client: S3Client | undefined;

  beforeAll(async () => {
    await ceph.start();
    vi.stubEnv("AWS_REGION", "us-east-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", ceph.accessKey);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", ceph.secretKey);
    client = new S3Client({ endpoint: ceph.endpoint, forcePathStyle: true });
  });
  beforeEach(() => {
    // A test may have put a proxy in between.
    vi.stubEnv("AWS_ENDPOINT_URL_S3", ceph.endpoint);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });
  afterAll(async () => {
    client?.destroy();
    await ceph.stop();
    vi.unstubAllEnvs();
  });

  const started = () => {
    if (client === undefined) throw new Error("S3 runs only during tests.");
    return client;
  };
  return {
    ceph,
    get client() {
      return started();
    },
    async newBucket() {
      const bucket = randomUUID();
      await createBucket(bucket, CEPH);
      return bucket;
    },
    open(bucket, prefix = "") {
      const store = openS3Snapshots({ bucket, prefix, ...CEPH });
      opened.push(store);
      return store;
    },
    async put(bucket, key, body) {
      await started().send(
        new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(body) }),
      );
    },
    async get(bucket, key) {
      const { Body } = await started().send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (Body === undefined) throw new Error("no body");
      return Body.transformToByteArray();
    },
  };
}
