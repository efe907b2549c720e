import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, it } from "vitest";
import { updateOf } from "../http/api-parts.ts";
import { useS3 } from "../storage/s3-fixtures.ts";
import { temporaryDirectory } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { ROOM, TARGET_ENV, Target, writeDurably } from "./target.ts";
import { tokenWith } from "./tokens.ts";

/** Invalid names, refused before any lookup, as they appear in a URL. */
const REFUSED: readonly (readonly [string, string])[] = [
  ["an empty name", ""],
  ["a name that is too long", "r".repeat(513)],
  ["a name that is too long once decoded", "%C3%A9".repeat(257)],
  ["a NUL", "a%00b"],
  ["a NUL after a path", "..%2Fsecret%00.yjs"],
  ["a line break", "a%0D%0Ab"],
  ["an escape character", "a%1Bb"],
  ["a Latin-1 control character", "a%C2%85b"],
  ["invalid UTF-8", "%FF"],
  ["a slash in overlong UTF-8", "..%C0%AFsecret"],
  ["a dot in overlong UTF-8", "%C0%AE%C0%AE%2Fsecret"],
  ["half a surrogate pair", "%ED%A0%80"],
];

/** Valid room names that look like paths, as they appear in a URL, and decoded. */
const PATHS: readonly (readonly [string, string])[] = [
  ["..%2Foutside", "../outside"],
  ["%2e%2e%2foutside", "../outside"],
  ["a%2F..%2F..%2Foutside", "a/../../outside"],
  ["%2Fetc%2Fpasswd", "/etc/passwd"],
  ["..%5Coutside", "..\\outside"],
  ["C%3A%5Coutside", "C:\\outside"],
  ["%252e%252e%252foutside", "%2e%2e%2foutside"],
  ["%EF%BC%8E%EF%BC%8E%EF%BC%8Foutside", "．．／outside"],
  ["file%3A%2F%2F%2Fetc%2Fpasswd", "file:///etc/passwd"],
  ["journal.db", "journal.db"],
  ["%3Fprefix%3D%26list-type%3D2", "?prefix=&list-type=2"],
  ["'%3B%20DROP%20TABLE%20journal%3B--", "'; DROP TABLE journal;--"],
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
];

const names = [...new Set(PATHS.map(([, name]) => name))];

async function writeTo(target: Target, written: string, name: string): Promise<void> {
  const client = await target.connect(tokenWith(), written);
  await writeDurably(client, updateOf(name));
  expect(await target.text(name)).toContain(name);
  await client.close();
}

async function deleteAll(target: Target): Promise<void> {
  const statuses = names.map(async (name) => {
    const path = `/rooms/-?room=${encodeURIComponent(name)}`;
    return (await target.api(0, path, { method: "DELETE" })).status;
  });
  expect(new Set(await Promise.all(statuses))).toEqual(new Set([204]));
}

describe("a server that stores rooms on disk", () => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start({
      ...TARGET_ENV,
      SNAPSHOT_INTERVAL_MS: "50",
      UNLOAD_DELAY_MS: "0",
    });
  });

  it.each(REFUSED)("rejects %s", async (_, written) => {
    expect((await target.refusal(tokenWith(), written)).code).toBe(4400);
    const path = written === "" ? "/rooms/-?room=" : `/rooms/${written}`;
    expect((await target.api(0, path)).status).toBe(400);
    expect((await target.api(0, path, { method: "DELETE" })).status).toBe(400);
    await target.expectUnharmed();
  });

  it.each(PATHS)("treats %s as the name of a room, not of a file", async (written, name) => {
    await writeTo(target, written, name);
    await target.expectUnharmed();
  });

  it("does not accept a token for similar names", async () => {
    for (const [written, name] of PATHS) {
      const rooms = names
        .filter((other) => other !== name)
        .map((other) => other.replace("\\", "\\\\"));
      const code = (await target.refusal(tokenWith({ rooms }), written)).code;
      expect([name, code]).toEqual([name, 4403]);
    }
  });

  it("creates no files other than its databases, and none outside its directory", async () => {
    const directory = await temporaryDirectory();
    const decoy = join(directory, "outside");
    await writeFile(decoy, "decoy");
    const inner = await Target.start({
      ...TARGET_ENV,
      DATA_DIR: join(directory, "data"),
      SNAPSHOT_INTERVAL_MS: "50",
      UNLOAD_DELAY_MS: "0",
    });
    for (const [written, name] of PATHS) await writeTo(inner, written, name);
    await deleteAll(inner);
    await inner.expectUnharmed();
    expect(await readFile(decoy, "utf8")).toBe("decoy");
    expect(await readdir(dirname(decoy))).toEqual(["data", "outside"]);
    const files = (await readdir(join(directory, "data"))).filter(
      (file) => !/^(journal|snapshots|metadata)\.db(-shm|-wal)?$|^lock$/.test(file),
    );
    expect(files).toEqual([]);
  });
});

describe("a server that stores rooms in a bucket", () => {
  const s3 = useS3();

  it("writes and deletes objects only below the prefix, even for names that look like paths", async () => {
    const bucket = await s3.newBucket();
    const decoys = ["outside", "rooms", "etc/passwd", "rooms-of-others/a"];
    for (const key of decoys) await s3.put(bucket, key, Buffer.from("decoy"));
    const target = await Target.start({
      ...TARGET_ENV,
      S3_BUCKET: bucket,
      S3_PREFIX: "rooms/",
      S3_FORCE_PATH_STYLE: "true",
      S3_UNQUOTED_IF_MATCH: "true",
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: s3.ceph.accessKey,
      AWS_SECRET_ACCESS_KEY: s3.ceph.secretKey,
      AWS_ENDPOINT_URL_S3: s3.ceph.endpoint,
      SNAPSHOT_INTERVAL_MS: "50",
      UNLOAD_DELAY_MS: "0",
    });
    const keys = async () => {
      const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: bucket }));
      return Contents.map(({ Key = "" }) => Key);
    };
    for (const [written, name] of PATHS) await writeTo(target, written, name);
    const wanted = [...decoys, ...[ROOM, ...names].map((name) => `rooms/${name}`)].sort();
    await waitFor(async () => (await keys()).length >= wanted.length, {
      message: "all rooms are stored",
    });
    expect((await keys()).sort()).toEqual(wanted);

    await deleteAll(target);
    expect((await keys()).sort()).toEqual([...decoys, `rooms/${ROOM}`].sort());
    for (const key of decoys) {
      expect(Buffer.from(await s3.get(bucket, key)).toString()).toBe("decoy");
    }
    await target.expectUnharmed();
  });
});
