import { createHmac, createPublicKey } from "node:crypto";
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { JwtAccess } from "../../src/auth/jwt-access.ts";
import { RemoteKeys } from "../../src/auth/remote-keys.ts";
import { waitFor } from "../support/wait-for.ts";
import { attempt, outcome } from "./attempt.ts";
import {
  endless,
  type HttpService,
  json,
  silence,
  startHttpService,
  status,
} from "./http-service.ts";

interface Signer {
  readonly jwk: JWK;
  readonly publicKey: CryptoKey;
  sign(header?: { kid?: string }): Promise<string>;
}

async function signer(kid: string, alg: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    jwk: { ...(await exportJWK(publicKey)), kid },
    publicKey,
    sign: (header = { kid }) =>
      new SignJWT({ room: "room" })
        .setProtectedHeader({ alg, ...header })
        .setExpirationTime("1h")
        .sign(privateKey),
  };
}

let first: Signer;
let second: Signer;
beforeAll(async () => {
  first = await signer("first", "ES256");
  second = await signer("second", "EdDSA");
});

const releases: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const release of releases.splice(0).reverse()) await release();
});

async function publishing(...keys: JWK[]): Promise<{ service: HttpService; access: JwtAccess }> {
  const service = await startHttpService(json({ keys }));
  releases.push(() => service.close());
  return { service, access: accessAt(service.url) };
}

function accessAt(url: string): JwtAccess {
  const access = new JwtAccess(new RemoteKeys(url));
  releases.push(() => access.close());
  return access;
}

const enter = (access: JwtAccess, token: string) => outcome(access.authorize(attempt(token)));

/** Freezes the clocks that measure the age of the keys; the test advances them. */
function stopClocks(): void {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
}

function later(ms: number): void {
  vi.advanceTimersByTime(ms);
}

describe("published keys", () => {
  it.each(["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])("verify %s", async (alg) => {
    const { jwk, sign } = await signer("key", alg);
    const { access } = await publishing(first.jwk, jwk);
    expect(await enter(access, await sign())).toBe("read-write");
  });

  it("are fetched once", async () => {
    const { service, access } = await publishing(first.jwk);
    const token = await first.sign();
    await Promise.all(Array.from({ length: 20 }, () => enter(access, token)));
    expect(await enter(access, token)).toBe("read-write");
    expect(service.requests).toHaveLength(1);
  });

  it("are fetched again for an unknown key ID, but at a limited rate", async () => {
    stopClocks();
    const { service, access } = await publishing(first.jwk);
    expect(await enter(access, await first.sign())).toBe("read-write");
    service.answer = json({ keys: [first.jwk, second.jwk] });
    // Unavailable rather than denied, so that the client retries.
    expect(await enter(access, await second.sign())).toBe("unavailable");
    expect(service.requests).toHaveLength(1);
    later(6_000);
    expect(await enter(access, await second.sign())).toBe("read-write");
    expect(await enter(access, await first.sign())).toBe("read-write");
    later(1);
    const strangers = Array.from({ length: 10 }, (_, i) => ({ kid: `${i}` }));
    for (const stranger of strangers) {
      expect(await enter(access, await first.sign(stranger))).toBe("unavailable");
    }
    expect(service.requests).toHaveLength(2);
    later(6_000);
    for (const stranger of strangers) {
      expect(await enter(access, await first.sign(stranger))).toBe("unauthenticated");
    }
    expect(service.requests).toHaveLength(3);
  });

  it("are accepted for ten minutes after withdrawal, or until they are forgotten", async () => {
    stopClocks();
    const { service, access } = await publishing(first.jwk);
    const token = await first.sign();
    expect(await enter(access, token)).toBe("read-write");
    service.answer = json({ keys: [second.jwk] });
    later(9 * 60_000);
    expect(await enter(access, token)).toBe("read-write");
    later(2 * 60_000);
    expect(await enter(access, token)).toBe("unauthenticated");

    service.answer = json({ keys: [first.jwk] });
    access.forget();
    expect(await enter(access, token)).toBe("read-write");
  });

  it("do not verify forged tokens", async () => {
    const { access } = await publishing(first.jwk, second.jwk);
    const stranger = await signer("first", "ES256");
    const token = await first.sign();
    const [header = "", payload = "", signature = ""] = token.split(".");
    const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
    expect(await enter(access, token)).toBe("read-write");
    expect(await enter(access, await stranger.sign())).toBe("unauthenticated");
    expect(await enter(access, await first.sign({ kid: "second" }))).toBe("unauthenticated");
    expect(await enter(access, `${none}.${payload}.`)).toBe("unauthenticated");
    expect(await enter(access, `${header}.${payload}.${"A".repeat(86)}`)).toBe("unauthenticated");
    expect(await enter(access, `${header}.${signature}.${payload}`)).toBe("unauthenticated");
  });

  it("are not accepted as HMAC secrets", async () => {
    const { access } = await publishing(first.jwk);
    const pem = await exportSPKI(first.publicKey);
    const der = createPublicKey(pem).export({ type: "spki", format: "der" });
    const [, payload] = (await first.sign()).split(".");
    for (const secret of [pem, pem.trim(), der, JSON.stringify(first.jwk)]) {
      for (const alg of ["HS256", "HS384", "HS512"]) {
        const header = Buffer.from(JSON.stringify({ alg, kid: "first" })).toString("base64url");
        const mac = createHmac(`sha${alg.slice(2)}`, secret).update(`${header}.${payload}`);
        const token = `${header}.${payload}.${mac.digest("base64url")}`;
        expect(await enter(access, token)).toBe("unauthenticated");
      }
    }
  });

  it("need no key ID if only one is of the right type", async () => {
    const { access, service } = await publishing(first.jwk, second.jwk);
    const unnamed = await first.sign({});
    expect(await enter(access, unnamed)).toBe("read-write");
    const third = await signer("third", "ES256");
    service.answer = json({ keys: [first.jwk, third.jwk] });
    access.forget();
    await expect(access.authorize(attempt(unnamed))).rejects.toThrow(/\(kid\)/);
  });
});

describe("unavailable keys", () => {
  it.each<[string, HttpService["answer"]]>([
    ["an error", status(500)],
    ["a redirect", (response) => response.writeHead(302, { location: "/keys" }).end()],
    ["a body that is not JSON", (response) => response.end("<html>")],
    ["no key set", json({ keys: "none" })],
    ["a private key", json({ keys: [{ kty: "oct", k: "c2VjcmV0", kid: "first" }, null] })],
    ["a body that is too large", (response) => response.end(" ".repeat(300 * 1024))],
    ["a broken connection", (response) => response.destroy()],
  ])("%s: access is unavailable until the keys are", async (_, answer) => {
    const { service, access } = await publishing(first.jwk);
    const token = await first.sign();
    service.answer = answer;
    expect(await enter(access, token)).toBe("unavailable");
    service.answer = json({ keys: [first.jwk] });
    await waitFor(async () => (await enter(access, token)) === "read-write", {
      message: "the keys have been fetched again",
    });
    expect(service.requests).toHaveLength(2);
  });

  it.each<[string, (access: JwtAccess) => void]>([
    ["after they were forgotten", (access) => access.forget()],
    ["after ten minutes", () => later(11 * 60_000)],
  ])("%s: the last known keys remain valid provisionally", async (_, renew) => {
    stopClocks();
    const { service, access } = await publishing(first.jwk);
    const token = await first.sign();
    const authorized = () => access.authorize(attempt(token));
    expect(await authorized()).not.toHaveProperty("isProvisional");
    service.answer = status(500);
    renew(access);
    expect(await authorized()).toMatchObject({ level: "read-write", isProvisional: true });
    expect(await enter(access, await second.sign())).toBe("unavailable");
    const stranger = await signer("first", "ES256");
    expect(await enter(access, await stranger.sign())).toBe("unauthenticated");
    // Once the keys are available again, they decide.
    service.answer = json({ keys: [second.jwk] });
    later(2_000);
    expect(await enter(access, token)).toBe("unauthenticated");
  });

  it("are not fetched again for every token", async () => {
    const { service, access } = await publishing(first.jwk);
    service.answer = status(500);
    for (let i = 0; i < 20; i++) {
      expect(await enter(access, await first.sign())).toBe("unavailable");
    }
    expect(service.requests).toHaveLength(1);
  });

  it.each<[string, HttpService["answer"]]>([
    ["no response", silence],
    ["an endless response", endless],
  ])("%s times out after three seconds, with one request for all clients", async (_, answer) => {
    const { service, access } = await publishing(first.jwk);
    service.answer = answer;
    const token = await first.sign();
    const started = performance.now();
    const outcomes = await Promise.all([1, 2, 3].map(() => enter(access, token)));
    expect(outcomes).toEqual(["unavailable", "unavailable", "unavailable"]);
    expect(performance.now() - started).toBeGreaterThan(2_900);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(service.requests).toHaveLength(1);
  });

  it("are no longer waited for after close", async () => {
    const { service, access } = await publishing(first.jwk);
    service.answer = silence;
    const entering = enter(access, await first.sign());
    await waitFor(() => service.requests.length === 1, { message: "the keys have been requested" });
    const started = performance.now();
    access.close();
    expect(await entering).toBe("unavailable");
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("are not fetched for tokens that no key could verify", async () => {
    const { service, access } = await publishing(first.jwk);
    for (const token of ["", "x", "a.b.c", "e30.e30.e30", `${"x".repeat(100_000)}`]) {
      expect(await enter(access, token)).toBe("unauthenticated");
    }
    expect(service.requests).toHaveLength(0);
  });

  it.each(["", "keys", "ftp://example.com/", "file:///etc/passwd", "https://me:hidden@host/"])(
    "%j is rejected as the URL",
    (url) => {
      expect(() => new RemoteKeys(url)).toThrow(/^AUTH_JWKS_URL: must /);
      expect(() => new RemoteKeys(url)).not.toThrow(/hidden/);
    },
  );
});
