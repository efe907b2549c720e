import { beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { presenceFrame } from "../support/hostile-frames.ts";
import { RawClient } from "../support/raw-client.ts";
import { waitFor } from "../support/wait-for.ts";
import { ADMIN, ROOM, Target, writeDurably } from "./target.ts";
import { forge, inSeconds, tokenWith } from "./tokens.ts";

// Property names that would pollute every object in a program that copies properties unchecked.

const POLLUTED = '{"polluted":"yes","status":"polluted","access":"read-write","rooms":["*"]}';
const NAMES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];

let target: Target;
let rooms = 0;
beforeAll(async () => {
  target = await Target.start();
});

/** Checks that no response contains anything that was sent as a prototype. */
async function expectClean(): Promise<void> {
  for (const path of [
    "/rooms",
    `/rooms/${ROOM}`,
    "/servers",
    "/session",
    `/rooms/${ROOM}/presence`,
  ]) {
    const answer = await target.api(0, path);
    expect(answer.status).toBe(200);
    expect(await answer.text()).not.toContain("polluted");
  }
  // A token without claims is granted nothing.
  const bare = forge({ alg: "HS256" }, { exp: inSeconds(60) });
  expect((await target.refusal(bare)).code).toBe(4403);
  await target.expectUnharmed();
}

describe("presence", () => {
  it.each([
    `{"__proto__":${POLLUTED}}`,
    `{"constructor":{"prototype":${POLLUTED}}}`,
    `{"user":{"__proto__":${POLLUTED},"name":"x"}}`,
    `[{"__proto__":${POLLUTED}}]`,
    `{"__proto__":null}`,
  ])("%s is forwarded unchanged", async (state) => {
    const room = `presence-${++rooms}`;
    const witness = await target.connect(tokenWith(), room);
    const client = await target.connect(tokenWith(), room);
    client.sendBytes(presenceFrame(Buffer.from(state)));
    await waitFor(() => witness.presenceOf(1_234), { message: "the witness receives the state" });
    expect(JSON.stringify(witness.presenceOf(1_234)?.state)).toBe(state);
    const shown = await (await target.api(0, `/rooms/${room}/presence`)).text();
    expect(shown).toContain(state);
    await client.close();
    const left = () => witness.presenceOf(1_234)?.state === null;
    await waitFor(left, { message: "the state is removed" });
    await witness.close();
    await expectClean();
  });
});

describe("documents", () => {
  it.each(NAMES)("treats %s like any other key or root name", async (name) => {
    const room = `named ${name}`;
    const doc = new Y.Doc();
    doc.getMap("map").set(name, new Y.Map([["polluted", "yes"]]));
    doc.getMap("map").set("plain", { inner: JSON.parse(`{"${name}":${POLLUTED}}`) });
    doc.getMap(name).set(name, "polluted");
    doc.getText("text").insert(0, "x", JSON.parse(`{"${name}":"polluted"}`));
    const client = await target.connect(tokenWith(), encodeURIComponent(room));
    await writeDurably(client, Y.encodeStateAsUpdate(doc));
    await client.close();
    const answer = await target.api(0, `/rooms/${encodeURIComponent(room)}/document`, {
      headers: { accept: "application/json" },
    });
    expect(answer.status).toBe(200);
    const { roots } = JSON.parse(await answer.text());
    expect(Object.keys(roots).sort()).toEqual(["map", "text", name].sort());
    expect(Object.keys(roots.map.value).sort()).toEqual([name, "plain"].sort());
    expect(Object.getOwnPropertyDescriptor(roots, name)?.value.value).toEqual(
      JSON.parse(`{"${name}":"polluted"}`),
    );
    await expectClean();
  });
});

describe("requests", () => {
  it.each([
    ["a login with __proto__", "POST", "/session", `{"__proto__":{"token":"${ADMIN}"}}`, 400],
    [
      "a login with constructor.prototype",
      "POST",
      "/session",
      `{"constructor":{"prototype":{"token":"${ADMIN}"}}}`,
      400,
    ],
    ["a login with an array", "POST", "/session", `["${ADMIN}"]`, 400],
    [
      "a query string with prototypes",
      "GET",
      "/rooms?__proto__[sort]=polluted&constructor.prototype=polluted",
      null,
      400,
    ],
    [
      "a room below __proto__ in a query string",
      "GET",
      "/rooms/-?__proto__[room]=precious",
      null,
      400,
    ],
  ])("rejects %s", async (_, method, path, body, status) => {
    const headers = { "content-type": "application/json", authorization: "" };
    const init = { method, ...(body === null ? {} : { body, headers }) };
    const answer = await target.api(0, path, init);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("set-cookie")).toBeNull();
    await expectClean();
  });

  it.each(["__proto__", "constructor", "prototype"])(
    "grants nothing for claims below %s",
    async (name) => {
      const claims = JSON.parse(`{"exp":${inSeconds(60)},"${name}":${POLLUTED}}`);
      expect((await target.refusal(forge({ alg: "HS256" }, claims))).code).toBe(4403);
      const header = JSON.parse(`{"${name}":{"alg":"HS256"}}`);
      expect((await target.refusal(forge(header, { rooms: ["*"] }))).code).toBe(4401);
      await expectClean();
    },
  );

  it.each(NAMES)("ignores a header and a query parameter named %s", async (name) => {
    const client = await RawClient.connect(target.server().wsUrl, ROOM, {
      query: `?${name}=${POLLUTED}&token=${tokenWith()}&${name}[token]=x`,
      headers: { [name]: "polluted" },
    });
    client.sendStep1();
    await client.first("step2");
    await client.close();
    await expectClean();
  });
});
