import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "@symphony/services/free-ports";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { SnapshotConflictError } from "../../../packages/server/src/storage/errors.ts";
import { createBucket } from "../../../packages/server/src/storage/s3/create-bucket.ts";
import { openS3Snapshots } from "../../../packages/server/src/storage/s3/open.ts";
import { waitFor } from "../../../packages/server/test/support/wait-for.ts";
import { DEPLOY } from "./compose-file.ts";

const run = promisify(execFile);

describe("the S3 of compose.yaml", () => {
  const update = Uint8Array.of(0, 0);
  let env: Record<string, string>;
  let ceph: ChildProcess;
  let output = "";
  let check: readonly string[];

  async function start(): Promise<void> {
    output = "";
    ceph = spawn("sh", [`${DEPLOY}compose/ceph/start.sh`], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [ceph.stdout, ceph.stderr]) {
      stream?.on("data", (text: Buffer) => {
        output = (output + text.toString()).slice(-4_000);
      });
    }
    await waitFor(isHealthy, { timeout: 60_000, message: () => `an answer of S3:\n${output}` });
  }

  /** Runs the Dockerfile's health check. */
  async function isHealthy(): Promise<boolean> {
    if (ceph.exitCode !== null) throw new Error(`it ended with ${ceph.exitCode}:\n${output}`);
    const [program = "", ...args] = check;
    return run(program, args, { env: { ...process.env, ...env } }).then(
      () => true,
      () => false,
    );
  }

  async function stop(): Promise<number | null> {
    if (ceph.exitCode !== null) return ceph.exitCode;
    const ended = new Promise<number | null>((resolve) => ceph.once("exit", resolve));
    ceph.kill("SIGTERM");
    return ended;
  }

  const open = () =>
    openS3Snapshots({
      bucket: "symphony",
      prefix: "",
      forcePathStyle: true,
      unquotedIfMatch: true,
    });

  beforeAll(async () => {
    const dockerfile = await readFile(`${DEPLOY}compose/ceph/Dockerfile`, "utf8");
    check = JSON.parse(/HEALTHCHECK[^[]+(\[.*\])/.exec(dockerfile)?.[1] ?? "[]");
    const [port = 0, monitorPort = 0] = await freePorts(2);
    env = {
      DIRECTORY: await mkdtemp(join(tmpdir(), "symphony-s3-")),
      ADDRESS: "127.0.0.1",
      PORT: String(port),
      // The other daemons pick free ports from the next twenty.
      MONITOR_PORT: String(monitorPort),
      AWS_ACCESS_KEY_ID: "key",
      AWS_SECRET_ACCESS_KEY: "secret",
    };
    vi.stubEnv("AWS_ACCESS_KEY_ID", env.AWS_ACCESS_KEY_ID);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", env.AWS_SECRET_ACCESS_KEY);
    vi.stubEnv("AWS_REGION", "us-east-1");
    vi.stubEnv("AWS_ENDPOINT_URL_S3", `http://127.0.0.1:${port}`);
    await start();
  }, 90_000);
  afterAll(async () => {
    await stop();
    await rm(env.DIRECTORY ?? "", { recursive: true, force: true });
    vi.unstubAllEnvs();
  });

  it("replaces a snapshot only if the condition holds, and keeps it across a restart", async () => {
    await createBucket("symphony", { forcePathStyle: true });
    let snapshots = open();
    await snapshots.write("a", update, null);
    await snapshots.write("a/b", update, null);
    await expect(snapshots.write("a", update, null)).rejects.toThrow(SnapshotConflictError);
    await snapshots.close();

    expect(await stop(), output).toBe(0);
    await start();

    snapshots = open();
    const stored = await snapshots.read("a");
    expect(stored?.update).toEqual(update);
    await snapshots.write("a", update, stored?.version ?? null);
    expect((await snapshots.read("a/b"))?.update).toEqual(update);
    await snapshots.close();
  }, 90_000);
});
