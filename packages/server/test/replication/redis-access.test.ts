import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "@symphony/services/free-ports";
import { Redis } from "@symphony/services/redis";
import { afterEach, describe, expect, it } from "vitest";
import { BusRecorder } from "../../src/conformance/bus-recorder.ts";
import { openRedisBus } from "../../src/replication/redis/open.ts";
import { RefusedError } from "../../src/replication/redis/transport.ts";
import { LogRecorder } from "./redis-log.ts";
import { useBusInChild } from "./redis-run-child.ts";

const PASSWORD = "s3cret/+ä";
const ENCODED = encodeURIComponent(PASSWORD);

let redis: Redis | undefined;
afterEach(() => redis?.stop());

async function start(...args: string[]): Promise<string> {
  redis = new Redis(args);
  await redis.start();
  return `127.0.0.1:${redis.port}`;
}

/** Opens a bus that must be refused. @returns the error, and all text reported about it */
async function refusal(...urls: string[]): Promise<{ error: unknown; said: string }> {
  const log = new LogRecorder();
  try {
    const bus = await openRedisBus(urls, log.logger);
    await bus.close();
  } catch (error) {
    const text = error instanceof Error ? `${error.stack} ${JSON.stringify(error)}` : String(error);
    return { error, said: `${text} ${log.text.join("")}` };
  }
  throw new Error(`the bus was not refused: ${log.text.join("")}`);
}

describe("access to Redis", () => {
  it("works with a user name and password", async () => {
    const address = await start("--user", "symphony", "on", `>${PASSWORD}`, "&symphony:*", "+@all");
    const log = new LogRecorder();
    const bus = await openRedisBus([`redis://symphony:${ENCODED}@${address}/3`], log.logger);
    try {
      const listener = await BusRecorder.on(bus, "room");
      listener.send("hello");
      await listener.receives("hello");
      expect(log.text).toEqual([]);
    } finally {
      await bus.close();
    }
  });

  it("is refused without permission to publish, instead of failing at the first edit", async () => {
    const rights = ["&symphony:*", "+@all", "-publish"];
    const address = await start("--user", "symphony", "on", `>${PASSWORD}`, ...rights);
    const { error } = await refusal(`redis://symphony:${ENCODED}@${address}`);
    expect(error).toBeInstanceOf(RefusedError);
    expect(String(error)).toContain("NOPERM");
  });

  it("is refused if the server lacks a command, as an older version does", async () => {
    const address = await start("--rename-command", "SUBSCRIBE", "");
    const { error } = await refusal(`redis://${address}`);
    expect(error).toBeInstanceOf(RefusedError);
    expect(String(error)).toMatch(/unknown command .*; it must be Redis 7 or later/);
  });

  it.each([
    ["a wrong password", `redis://:wrong${ENCODED}@`, "WRONGPASS"],
    ["no password", "redis://", "NOAUTH"],
  ])("is refused with %s", async (_, url, reason) => {
    const address = await start("--requirepass", PASSWORD);
    const { error, said } = await refusal(`${url}${address}`);
    expect(error).toBeInstanceOf(RefusedError);
    expect(said).toContain(`Redis at ${address}`);
    expect(said).toContain(reason);
    expect(said).not.toContain("s3cret");
  });

  it("is refused to a user without access to the channels", async () => {
    const address = await start("--user", "other", "on", `>${PASSWORD}`, "&other:*", "+@all");
    const { error, said } = await refusal(`redis://other:${ENCODED}@${address}`);
    expect(error).toBeInstanceOf(RefusedError);
    expect(said).toContain("NOPERM");
    expect(said).not.toContain("s3cret");
  });

  it("is refused if several servers are given that are not a Redis Cluster", async () => {
    const address = await start();
    const { error, said } = await refusal(`redis://${address}`, `redis://${address}`);
    expect(error).toBeInstanceOf(RefusedError);
    expect(said).toContain("cluster support disabled");
  });

  it("never reveals the password, even if a server repeats the command", async () => {
    const address = await start("--rename-command", "HELLO", "");
    const { error, said } = await refusal(`redis://:${ENCODED}@${address}`);
    expect(String(error)).toContain("unknown command 'HELLO'");
    expect(said).not.toContain("s3cret");
  });

  it.each([
    ["http://user:s3cret@localhost"],
    ["redis://user:s3cret@local host"],
    ["redis://user:s3cret%@localhost"],
    ["redis://user:s3cret@localhost:port"],
    ["user:s3cret@localhost:6379"],
    ["unix:///tmp/s3cret"],
    ["redis://"],
    [""],
  ])("is not attempted with %j", async (url) => {
    const { said } = await refusal(url);
    expect(said).toMatch(/Redis URL/);
    expect(said).not.toContain("s3cret");
  });

  it("is encrypted with rediss:", async () => {
    const directory = await mkdtemp(join(tmpdir(), "redis-tls-"));
    try {
      const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
      await promisify(execFile)("openssl", [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ...["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        ...["-keyout", key, "-out", certificate],
      ]);
      const port = await freePort();
      await start(
        ...["--tls-port", String(port), "--tls-auth-clients", "no"],
        ...[
          "--tls-cert-file",
          certificate,
          "--tls-key-file",
          key,
          "--tls-ca-cert-file",
          certificate,
        ],
      );
      const url = `rediss://localhost:${port}`;
      expect(await useBusInChild([url], { NODE_EXTRA_CA_CERTS: certificate })).toBe("works");
      // Fails without the certificate of the server.
      expect(await useBusInChild([url])).toContain("self-signed certificate");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
