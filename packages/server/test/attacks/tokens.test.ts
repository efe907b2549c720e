import { createPublicKey } from "node:crypto";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HttpService, json, startHttpService, status } from "../auth/http-service.ts";
import { ADMIN, ROOM, TARGET_ENV, Target } from "./target.ts";
import { encoded, forge, inSeconds, tokenWith } from "./tokens.ts";

type Signer = Awaited<ReturnType<typeof signer>>;

async function signer(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid };
  const sign = (header: object = { kid }, claims: object = {}) =>
    new SignJWT({ rooms: ["*"], ...claims })
      .setProtectedHeader({ alg: "ES256", ...header })
      .setExpirationTime("1m")
      .sign(privateKey);
  return { publicKey, jwk, sign };
}

const good = { rooms: ["*"], exp: inSeconds(3600) };

describe("with a shared secret", () => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start();
  });

  const [header = "", claims = "", signature = ""] = forge({ alg: "HS256" }, good).split(".");

  it.each<[string, string | undefined, number]>([
    ["no token", undefined, 4401],
    ["an empty token", "", 4401],
    ["a word", "nonsense", 4401],
    ["the admin token", encodeURIComponent(ADMIN), 4401],
    ["a forged token", forge({ alg: "HS256" }, good, "x".repeat(36)), 4401],
    ["an expired token", tokenWith({ exp: inSeconds(-60) }), 4401],
    ["a token without an expiry", tokenWith({ exp: undefined }), 4401],
    ["a token that is not valid yet", tokenWith({ nbf: inSeconds(3600) }), 4401],
    ["a token for other rooms", tokenWith({ rooms: ["other", `${ROOM}/*`, `*/${ROOM}`] }), 4403],
    ["a token for a room named *", tokenWith({ rooms: undefined, room: "*" }), 4403],
    ["alg none", `${encoded({ alg: "none" })}.${claims}.`, 4401],
    ["alg none with a signature", `${encoded({ alg: "none" })}.${claims}.${signature}`, 4401],
    ["alg nOnE", `${encoded({ alg: "nOnE" })}.${claims}.`, 4401],
    ["no signature", `${header}.${claims}.`, 4401],
    ["a signature for other claims", `${header}.${encoded({ ...good, x: 1 })}.${signature}`, 4401],
    ["a critical extension", forge({ alg: "HS256", crit: ["x"], x: 1 }, good), 4401],
    ["a token longer than the server accepts", tokenWith({ filler: "x".repeat(26_000) }), 4401],
  ])("refuses %s", async (_, token, code) => {
    expect((await target.refusal(token)).code).toBe(code);
    // The API would accept the admin token, but not when it is percent-encoded.
    const answer = await target.attackApi(0, "/rooms", token ?? "");
    expect(answer.status).toBe(401);
    await target.expectUnharmed();
  });

  it("does not accept a valid room token for the API", async () => {
    for (const path of ["/rooms", `/rooms/${ROOM}/document`, "/events", "/servers"]) {
      expect((await target.attackApi(0, path, tokenWith())).status).toBe(401);
    }
    await target.expectUnharmed();
  });
});

describe("with published keys", () => {
  let service: HttpService;
  let target: Target;
  let known: Signer;
  let stranger: Signer;

  beforeAll(async () => {
    [known, stranger] = await Promise.all([signer("known"), signer("known")]);
    service = await startHttpService(json({ keys: [known.jwk] }));
    let token = "";
    target = await Target.start({ AUTH_JWKS_URL: service.url }, () => token);
    token = await known.sign();
  });
  afterAll(() => service.close());

  it("admits a client with a valid token", async () => {
    const client = await target.connect(await known.sign());
    client.sendStep1();
    await client.first("step2");
    await client.close();
  });

  it.each<[string, () => Promise<string>, number?]>([
    ["signed with an unpublished key under the same kid", () => stranger.sign()],
    [
      "signed with the public key as the secret (PEM)",
      async () => forge({ alg: "HS256", kid: "known" }, good, await exportSPKI(known.publicKey)),
    ],
    [
      "signed with the public key as the secret (DER)",
      async () =>
        forge(
          { alg: "HS256", kid: "known" },
          good,
          createPublicKey(await exportSPKI(known.publicKey)).export({
            type: "spki",
            format: "der",
          }),
        ),
    ],
    [
      "signed with the published JSON as the secret",
      async () => forge({ alg: "HS256", kid: "known" }, good, JSON.stringify(known.jwk)),
    ],
    ["that carries its own key", () => stranger.sign({ jwk: stranger.jwk })],
    [
      "that links to its own key",
      () => stranger.sign({ jku: `${service.url}stranger`, x5u: `${service.url}stranger` }),
    ],
    ["whose kid is a path", () => stranger.sign({ kid: "../../../../dev/null" }), 1013],
    ["whose kid is an absolute path", () => stranger.sign({ kid: "/etc/passwd" }), 1013],
    ["whose kid is a URL", () => stranger.sign({ kid: `${service.url}stranger` }), 1013],
    ["whose kid is SQL", () => stranger.sign({ kid: "known' UNION SELECT 'x" }), 1013],
    ["whose kid contains a NUL", () => stranger.sign({ kid: "known\0" }), 1013],
    ["whose kid is __proto__", () => stranger.sign({ kid: "__proto__" }), 1013],
    ["whose kid is very long", () => stranger.sign({ kid: "k".repeat(4_000) }), 1013],
    [
      "signed with an empty secret, whose kid is the path of an empty file",
      async () => forge({ alg: "HS256", kid: "../../dev/null" }, good, ""),
    ],
    // An unknown kid may belong to a key that has just been published, so the refusal is temporary until
    // the keys may be fetched again.
  ])("refuses a token %s", async (_, make, code = 4401) => {
    const before = service.requests.length;
    expect((await target.refusal(await make())).code).toBe(code);
    // Nothing but the keys is fetched, and not for every unknown kid.
    expect(service.requests.length - before).toBeLessThanOrEqual(1);
    await target.expectUnharmed();
  });
});

describe("a revoked token", () => {
  const recheck = (target: Target) =>
    target.api(0, `/rooms/${ROOM}/recheck`, { method: "POST" }).then(({ status }) => status);

  it("is refused once its key is withdrawn, on open connections too", async () => {
    const [old, next] = await Promise.all([signer("old"), signer("next")]);
    const service = await startHttpService(json({ keys: [old.jwk, next.jwk] }));
    const fresh = await next.sign();
    const target = await Target.start({ AUTH_JWKS_URL: service.url }, () => fresh);
    const stolen = await old.sign();
    const client = await target.connect(stolen);
    client.sendStep1();
    await client.first("step2");
    service.answer = json({ keys: [next.jwk] });
    expect(await recheck(target)).toBe(204);
    expect((await client.closed).code).toBe(4401);
    expect((await target.refusal(stolen)).code).toBe(4401);
    await target.expectUnharmed();
    await service.close();
  });

  it.each([
    [401, 4401],
    [403, 4403],
  ])("is refused once the webhook answers %i, on open connections too", async (no, code) => {
    const service = await startHttpService(json({ access: "read-write" }));
    const target = await Target.start({ AUTH_WEBHOOK_URL: service.url }, () => "another");
    const client = await target.connect("stolen");
    client.sendStep1();
    await client.first("step2");
    const { answer } = service;
    service.answer = (response, body) =>
      (JSON.parse(body).token === "stolen" ? status(no) : answer)(response, body);
    expect(await recheck(target)).toBe(204);
    expect((await client.closed).code).toBe(code);
    expect((await target.refusal("stolen")).code).toBe(code);
    await target.expectUnharmed();
    await service.close();
  });
});

it("admits no new client and closes no connection while a token cannot be checked", async () => {
  const service = await startHttpService(json({ access: "read-write" }));
  const target = await Target.start({ AUTH_WEBHOOK_URL: service.url }, () => "another");
  const client = await target.connect("good");
  client.sendStep1();
  await client.first("step2");
  const { answer } = service;
  service.answer = (response, body) =>
    (JSON.parse(body).token === "good" ? status(500) : answer)(response, body);
  const recheck = await target.api(0, `/rooms/${ROOM}/recheck`, { method: "POST" });
  expect(recheck.status).toBe(204);
  expect((await target.refusal("good")).code).toBe(1013);
  // Clients admitted before stay connected until the webhook decides.
  await client.ping();
  service.answer = status(403);
  expect((await client.closed).code).toBe(4403);
  service.answer = answer;
  await target.expectUnharmed();
  await service.close();
});

it("never logs a token", async () => {
  const target = await Target.start({ ...TARGET_ENV, LOG_LEVEL: "trace" });
  const tokens = [tokenWith(), tokenWith({ rooms: ["other"] }), tokenWith({ exp: 1 })];
  for (const token of tokens) {
    const protocols = { query: "", protocols: [`token.${token}`] };
    for (const options of [{}, protocols]) {
      const client = await target.connect(token, ROOM, 0, options);
      if (token !== tokens[0]) await client.closed;
      else await client.close();
    }
    expect((await target.attackApi(0, `/rooms?token=${token}`, token)).status).toBe(401);
  }
  await target.expectUnharmed();
  const { logs, output } = target.server();
  expect(logs.some(({ msg }) => msg === "refused")).toBe(true);
  for (const token of [...tokens, ADMIN])
    expect(JSON.stringify([logs, output])).not.toContain(token);
});
