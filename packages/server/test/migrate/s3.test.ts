import { beforeAll, expect, it } from "vitest";
import * as Y from "yjs";
import { useS3 } from "../storage/s3-fixtures.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { documentOf } from "./document-of.ts";
import { textIn } from "./people.ts";
import { type Ended, runProgram } from "./run-program.ts";

const s3 = useS3();
let symphony: ServerProcess;
beforeAll(async () => {
  symphony = await startServer();
});

/** The variables from which the AWS SDK in any program configures itself. */
function s3Environment(): Record<string, string> {
  return {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: s3.ceph.accessKey,
    AWS_SECRET_ACCESS_KEY: s3.ceph.secretKey,
    AWS_ENDPOINT_URL_S3: s3.ceph.endpoint,
  };
}

function migrate(bucket: string, ...more: string[]): Promise<Ended> {
  const args = ["--bucket", bucket, "--path-style", "--to", symphony.url, ...more];
  return runProgram("from-s3", { args, env: s3Environment() });
}

it("copies only objects whose keys have the given prefix and suffix", async () => {
  const bucket = await s3.newBucket();
  for (const name of ["one", "deep/er", "ümläut 🎻", "100%"]) {
    await s3.put(bucket, `docs/${name}.bin`, documentOf(name));
  }
  await s3.put(bucket, "docs/", new Uint8Array());
  await s3.put(bucket, "docs/one.png", Buffer.from("an image"));
  await s3.put(bucket, "other/two.bin", documentOf("other"));
  await s3.put(bucket, "docs/damaged.bin", documentOf("cut off").subarray(0, 12));
  await s3.put(bucket, "docs/nothing.bin", new Uint8Array());
  await s3.put(bucket, "docs/.bin", documentOf("no name"));
  const run = await migrate(bucket, "--prefix", "docs/", "--suffix", ".bin");
  expect(run.code).toBe(1);
  expect(run.complaints).toContain('failed: "docs/damaged.bin": it is not a Yjs update');
  expect(run.complaints).toContain('failed: "docs/nothing.bin": it is empty');
  expect(run.complaints).toContain('failed: "docs/.bin": the server refuses it: 400');
  expect(run.stdout).toContain("7 documents");
  expect(run.stdout).toContain(": 4 sent, 3 failed");
  for (const name of ["one", "deep/er", "ümläut 🎻", "100%"]) {
    expect(await textIn(symphony.wsUrl, encodeURIComponent(name))).toBe(name);
  }
});

it("decodes keys with --decode, and reads format V2 with --v2", async () => {
  const bucket = await s3.newBucket();
  await s3.put(bucket, "a%20b", Y.convertUpdateFormatV1ToV2(documentOf("decoded")));
  await s3.put(bucket, "100%", Y.convertUpdateFormatV1ToV2(documentOf("not decoded")));
  await s3.put(bucket, "noise", Buffer.from("no update of any format"));
  const run = await migrate(bucket, "--decode", "--v2");
  expect(run.code).toBe(1);
  expect(run.complaints).toContain('failed: "100%": its key is not valid percent-encoded UTF-8');
  expect(run.complaints).toContain('failed: "noise": it is not a Yjs update of format V2');
  expect(await textIn(symphony.wsUrl, "a b")).toBe("decoded");
});

it("names a bucket that cannot be read", async () => {
  const run = await migrate("there-is-none");
  expect(run.code).toBe(2);
  expect(run.complaints).toContain("could not list the bucket there-is-none: NoSuchBucket");
});
