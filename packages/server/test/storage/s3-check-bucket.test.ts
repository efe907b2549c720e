import { freePort } from "@symphony/services/free-ports";
import { pino } from "pino";
import { expect, it, vi } from "vitest";
import { createServer } from "../../src/index.ts";
import { checkBucket } from "../../src/storage/s3/check-bucket.ts";
import { temporaryDirectory } from "../support/server-process.ts";
import { useS3 } from "./s3-fixtures.ts";
import { S3Proxy } from "./s3-proxy.ts";

const s3 = useS3();

/** Checks a bucket. @returns the warnings */
async function check(bucket: string): Promise<string[]> {
  const warnings: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line) => warnings.push(line) });
  await checkBucket({ bucket, prefix: "rooms/", forcePathStyle: true }, logger);
  return warnings;
}

it("accepts a bucket in which rooms can be opened, without a warning", async () => {
  expect(await check(await s3.newBucket())).toEqual([]);
});

it("keeps a server from starting if its bucket does not exist", async () => {
  const settings = {
    PORT: 0,
    DATA_DIR: await temporaryDirectory(),
    S3_BUCKET: "not-there",
    S3_FORCE_PATH_STYLE: true,
    LOG_LEVEL: "silent",
  };
  await expect(createServer({ settings })).rejects.toThrow(
    /^Could not use the S3 bucket "not-there": the bucket does not exist; run symphony-backend setup/,
  );
});

it.each([
  ["AWS_ACCESS_KEY_ID", "nobody", "the access key is unknown"],
  ["AWS_SECRET_ACCESS_KEY", "wrong", "the signature does not match"],
  ["AWS_REGION", "", "Region is missing"],
])("rejects an invalid %s", async (name, value, reason) => {
  const bucket = await s3.newBucket();
  const right = process.env[name];
  vi.stubEnv(name, value === "" ? undefined : value);
  try {
    await expect(check(bucket)).rejects.toThrow(reason);
  } finally {
    vi.stubEnv(name, right);
  }
});

it("rejects a bucket in another region", async () => {
  const proxy = await S3Proxy.start(s3.ceph.endpoint);
  const bucket = await s3.newBucket();
  proxy.handler = async () => ({
    status: 301,
    headers: { "content-type": "application/xml" },
    body: Buffer.from(
      "<Error><Code>PermanentRedirect</Code><Message>Use another endpoint.</Message></Error>",
    ),
  });
  vi.stubEnv("AWS_ENDPOINT_URL_S3", proxy.endpoint);
  try {
    await expect(check(bucket)).rejects.toThrow("the bucket is in another region");
  } finally {
    await proxy.close();
  }
});

it("only warns if S3 is unavailable", async () => {
  vi.stubEnv("AWS_ENDPOINT_URL_S3", `http://127.0.0.1:${await freePort()}`);
  const [warning, ...more] = await check("bucket");
  expect(warning).toContain("S3 unavailable, starting anyway");
  expect(more).toEqual([]);
  const proxy = await S3Proxy.start(s3.ceph.endpoint);
  try {
    vi.stubEnv("AWS_ENDPOINT_URL_S3", proxy.endpoint);
    for (const status of [500, 503, 429]) {
      proxy.handler = async () => ({ status });
      expect(await check("bucket")).toHaveLength(1);
    }
  } finally {
    await proxy.close();
  }
});
