import { createHmac } from "node:crypto";
import { generateKeyPair, SignJWT } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import { JwtAccess } from "../../src/auth/jwt-access.ts";
import { SharedSecrets } from "../../src/auth/shared-secrets.ts";
import { attempt, outcome } from "./attempt.ts";

const SECRET = "a secret of the application that is long enough";
const OTHER = "another secret that is long enough as well";

type Claims = Readonly<Record<string, unknown>>;

const now = () => Math.floor(Date.now() / 1000);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signs anything, including what a library would reject. */
function forge(header: unknown, payload: unknown, secret = SECRET): string {
  const text = `${encode(header)}.${typeof payload === "string" ? payload : encode(payload)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

function sign(claims: Claims, secret = SECRET): string {
  return forge({ alg: "HS256" }, { exp: now() + 60, ...claims }, secret);
}

const accessWith = (secrets = SECRET) => new JwtAccess(new SharedSecrets(secrets));
const enter = (token: string | undefined, room = "room", secrets = SECRET) =>
  outcome(accessWith(secrets).authorize(attempt(token, room)));

afterEach(() => {
  vi.useRealTimers();
});

describe("a room token", () => {
  it("states the subject, the access level and the expiry", async () => {
    const exp = now() + 60;
    const token = await new SignJWT({ rooms: ["team/*"], access: "read-only" })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setSubject("zoe")
      .setExpirationTime(exp)
      .sign(Buffer.from(SECRET));
    expect(await accessWith().authorize(attempt(token, "team/one"))).toEqual({
      subject: "zoe",
      level: "read-only",
      expiresAt: (exp + 5) * 1000,
    });
  });

  it("needs no subject and grants read-write by default", async () => {
    const { subject, level } = await accessWith().authorize(attempt(sign({ room: "room" })));
    expect({ subject, level }).toEqual({ subject: null, level: "read-write" });
  });

  it.each<[Claims, string, string]>([
    [{ room: "room" }, "room", "read-write"],
    [{ room: "room", access: "presence-only" }, "room", "presence-only"],
    [{ room: "room" }, "room2", "forbidden"],
    // A token for a room named `*` grants access to no other room.
    [{ room: "*" }, "room", "forbidden"],
    [{ room: "*" }, "*", "read-write"],
    [{ rooms: ["a", "room"] }, "room", "read-write"],
    [{ rooms: ["a/*"] }, "a/b/c", "read-write"],
    [{ room: "room", aud: "notes", name: "Ada", role: "editor", acr: "0" }, "room", "read-write"],
    [{ rooms: ["a/*"] }, "b/a/c", "forbidden"],
    [{ rooms: ["a/\\*"] }, "a/b", "forbidden"],
    [{ rooms: ["a/\\*"] }, "a/*", "read-write"],
    [{ rooms: ["a/*"] }, "A/b", "forbidden"],
    [{ rooms: ["a"], room: "b" }, "b", "read-write"],
    [{ rooms: [] }, "room", "forbidden"],
    [{}, "room", "forbidden"],
  ])("%j in %s: %s", async (claims, room, expected) => {
    expect(await enter(sign(claims), room)).toBe(expected);
  });

  it.each<[string, Claims]>([
    ["expired", { exp: now() - 60 }],
    ["without an expiry", { exp: undefined }],
    ["with an expiry that is a string", { exp: "2099" }],
    ["not valid yet", { nbf: now() + 60 }],
    ["with rooms that are not an array", { rooms: "*" }],
    ["with rooms that are an object", { rooms: { 0: "*", length: 1 } }],
    ["with a room that is not a string", { rooms: [["*"]] }],
    ["with an unknown level", { access: "admin" }],
    ["with a level inherited by every object", { access: "constructor" }],
    ["with a null level", { access: null }],
    ["with a subject that is not a string", { sub: 5 }],
    // If ignored, these would grant the default, read-write.
    ["with a misspelt level", { acess: "read-only" }],
    ["with a level claim in another case", { Access: "none" }],
    ["with a level in another claim", { level: "presence-only" }],
    ["with a level in a claim with a long name", { ["x".repeat(200)]: "read-only" }],
  ])("%s is refused", async (_, claims) => {
    expect(await enter(sign({ room: "room", ...claims }))).toBe("unauthenticated");
  });

  it("is accepted a few seconds late or early", async () => {
    expect(await enter(sign({ room: "room", exp: now() - 2 }))).toBe("read-write");
    expect(await enter(sign({ room: "room", nbf: now() + 2 }))).toBe("read-write");
  });

  it("is refused from the moment the access it granted has expired", async () => {
    const token = sign({ room: "room" });
    const access = accessWith();
    const { expiresAt } = await access.authorize(attempt(token));
    vi.useFakeTimers({ toFake: ["Date"], now: (expiresAt ?? 0) - 1000 });
    expect(await outcome(access.authorize(attempt(token)))).toBe("read-write");
    vi.setSystemTime((expiresAt ?? 0) + 1000);
    expect(await outcome(access.authorize(attempt(token)))).toBe("unauthenticated");
  });

  it("ignores inherited claims and pollutes no prototype", async () => {
    const polluting = `{"exp":${now() + 60},"__proto__":{"room":"room","rooms":["*"]},"constructor":{"prototype":{"room":"room"}}}`;
    const token = forge({ alg: "HS256" }, Buffer.from(polluting).toString("base64url"));
    expect(await enter(token)).toBe("forbidden");
    expect(Object.hasOwn(Object.prototype, "room")).toBe(false);
    expect(({} as Record<string, unknown>).rooms).toBeUndefined();
  });
});

describe("an invalid room token", () => {
  const claims = { room: "room", exp: now() + 3600 };
  const good = sign(claims);
  const [header = "", payload = "", signature = ""] = good.split(".");

  it.each<[string, string | undefined]>([
    ["nothing", undefined],
    ["an empty string", ""],
    ["a word", "secret"],
    ["two dots", ".."],
    ["a token signed with another secret", sign(claims, OTHER)],
    ["no algorithm", `${encode({ alg: "none" })}.${payload}.`],
    ["no algorithm, in mixed case", `${encode({ alg: "NoNe" })}.${payload}.`],
    ["no algorithm, with a signature", forge({ alg: "none" }, claims)],
    ["no header", forge({}, claims)],
    ["no signature", `${header}.${payload}.`],
    ["replaced claims", `${header}.${encode({ ...claims, room: "other" })}.${signature}`],
    ["a replaced header", `${encode({ alg: "HS256", kid: "x" })}.${payload}.${signature}`],
    ["a longer digest", forge({ alg: "HS512" }, claims)],
    ["an unknown algorithm", forge({ alg: "HS1" }, claims)],
    ["an algorithm that is not a string", forge({ alg: ["HS256"] }, claims)],
    ["an unknown critical extension", forge({ alg: "HS256", crit: ["x"], x: 1 }, claims)],
    ["an unencoded payload", forge({ alg: "HS256", b64: false, crit: ["b64"] }, claims)],
    ["a payload that is an array", forge({ alg: "HS256" }, [claims])],
    ["a payload that is null", forge({ alg: "HS256" }, null)],
    ["a payload that is not JSON", forge({ alg: "HS256" }, "bm90IGpzb24")],
    ["a token over the size limit", sign({ ...claims, filler: "x".repeat(32_768) })],
    ["a megabyte", "x".repeat(1_000_000)],
  ])("%s is refused", async (_, token) => {
    expect(await enter(good)).toBe("read-write");
    expect(await enter(token)).toBe("unauthenticated");
  });

  it("a token signed with an asymmetric key is refused", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    const token = await new SignJWT(claims).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
    expect(await enter(token)).toBe("unauthenticated");
  });

  it("does not appear in the error", async () => {
    const refused = accessWith().authorize(attempt(sign(claims, OTHER)));
    await expect(refused).rejects.toThrow(/^the token is not signed with an accepted key$/);
  });
});

describe("secrets", () => {
  it("can be replaced while both are in use", async () => {
    const both = `${SECRET},${OTHER}`;
    expect(await enter(sign({ room: "room" }, SECRET), "room", both)).toBe("read-write");
    expect(await enter(sign({ room: "room" }, OTHER), "room", both)).toBe("read-write");
    expect(await enter(sign({ room: "room" }, both), "room", both)).toBe("unauthenticated");
    expect(await enter(sign({ room: "room", exp: 1 }, OTHER), "room", both)).toBe(
      "unauthenticated",
    );
  });

  it.each(["short", "x".repeat(31), `${"x".repeat(32)},short`, `${"x".repeat(32)},`])(
    "of %j are too short",
    (secrets) => {
      expect(() => new SharedSecrets(secrets)).toThrow(
        /^AUTH_JWT_SECRET: a secret of \d+ bytes is too easy to guess/,
      );
      expect(() => new SharedSecrets(secrets)).not.toThrow(/short|xxx/);
    },
  );
});
