import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { type RequestOptions, request } from "node:https";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { newCertificate, type TestCertificate } from "../support/certificates.ts";
import {
  type ServerProcess,
  spawnServer,
  startServer,
  temporaryDirectory,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const ADMIN = "the token of an administrator";

/** A server with its own copy of a certificate, which the test can replace. */
async function secureServer(first: TestCertificate, directory: string) {
  const cert = join(directory, "used.crt");
  const key = join(directory, "used.key");
  const replace = async (by: TestCertificate) => {
    await copyFile(by.cert, cert);
    await copyFile(by.key, key);
  };
  await replace(first);
  const server = await startServer({
    env: { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, ADMIN_TOKEN: ADMIN },
  });
  return { server, cert, replace };
}

/** The subject of the certificate presented to a new connection. */
async function subjectOf(server: ServerProcess): Promise<string> {
  const socket: TLSSocket = connect({
    port: server.port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
  });
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

/** A provider, as used by applications, that trusts one certificate. */
function provider(server: ServerProcess, ca: Buffer): WebsocketProvider {
  class Trusting extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { ca });
    }
  }
  return new WebsocketProvider(server.wsUrl, "room", new Y.Doc(), {
    WebSocketPolyfill: Trusting as unknown as typeof globalThis.WebSocket,
    disableBc: true,
  });
}

function textOf({ doc }: WebsocketProvider): string {
  return doc.getText("text").toString();
}

describe("a server with a certificate", () => {
  it("picks up a replaced certificate without dropping connections", async () => {
    const directory = await temporaryDirectory();
    const [first, second] = await Promise.all(
      ["first", "second"].map((name) => newCertificate(directory, name)),
    );
    if (first === undefined || second === undefined) throw new Error("expected two certificates");
    const { server, cert, replace } = await secureServer(first, directory);
    expect(server.url).toMatch(/^https:/);
    const old = provider(server, await readFile(first.cert));
    await waitFor(() => old.synced, { message: "the provider has synced" });

    // First only one of the two files changes, then the certificate is invalid: the old pair stays.
    await copyFile(second.cert, cert);
    await waitFor(() => server.logs.some(({ level }) => level >= 50), {
      message: "the mismatch of certificate and key has been logged",
    });
    await writeFile(cert, "no certificate");
    await waitFor(() => server.logs.filter(({ level }) => level >= 50).length === 2, {
      message: "the invalid certificate has been logged",
    });
    expect(JSON.stringify(server.logs)).toContain("TLS_CERT_FILE=");
    expect(await subjectOf(server)).toBe("first");

    await replace(second);
    await waitFor(async () => (await subjectOf(server)) === "second", {
      message: () => `the server presents the new certificate:\n${server.tail()}`,
    });
    const late = provider(server, await readFile(second.cert));
    old.doc.getText("text").insert(0, "still connected");
    await waitFor(() => textOf(late) === "still connected", {
      message: "both providers have synced",
    });
    expect(old.wsconnected).toBe(true);
    old.destroy();
    late.destroy();
    expect(await server.stop()).toBe(0);
  });

  it("sends HSTS and marks cookies as secure", async () => {
    const directory = await temporaryDirectory();
    const certificate = await newCertificate(directory);
    const { server } = await secureServer(certificate, directory);
    const ca = await readFile(certificate.cert);
    const ask = async (path: string, options: RequestOptions = {}, body = "") => {
      const asked = request(`${server.url}${path}`, { ca, agent: false, ...options });
      asked.end(body);
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      answer.resume();
      return answer;
    };
    const health = await ask("/health/live");
    expect(health.statusCode).toBe(200);
    expect(health.headers["strict-transport-security"]).toBe("max-age=31536000");
    const headers = { "content-type": "application/json" };
    const login = await ask("/api/session", { method: "POST", headers }, `{"token":"${ADMIN}"}`);
    expect(login.headers["set-cookie"]?.[0]).toMatch(/; Secure/);

    // Plain HTTP gets no response and does no harm.
    const plain = plainRequest(`${server.url.replace("https", "http")}/health/live`, {
      agent: false,
    });
    plain.end();
    await expect(once(plain, "response")).rejects.toThrow();
    expect(await subjectOf(server)).toBe("test");
  });
});

describe("the server refuses to start with", () => {
  it.each([
    ["a missing certificate file", "missing", "missing", /TLS_CERT_FILE="missing": ENOENT/],
    ["a missing key file", "test.crt", "missing", /TLS_KEY_FILE="missing": ENOENT/],
    ["a key as the certificate", "test.key", "test.key", /TLS_CERT_FILE="test.key": /],
    ["a certificate as the key", "test.crt", "test.crt", /TLS_KEY_FILE="test.crt": /],
    [
      "a key that does not match the certificate",
      "test.crt",
      "other.key",
      /TLS_KEY_FILE="other.key": not the private key of/,
    ],
  ])("%s", async (_, TLS_CERT_FILE, TLS_KEY_FILE, reason) => {
    const dataDir = await temporaryDirectory();
    await Promise.all(["test", "other"].map((name) => newCertificate(dataDir, name)));
    const server = await spawnServer({ dataDir, env: { TLS_CERT_FILE, TLS_KEY_FILE } });
    expect((await server.exited).code).toBe(1);
    expect(server.output.join("\n")).toMatch(reason);
    expect(server.output).toHaveLength(1);
  });
});
