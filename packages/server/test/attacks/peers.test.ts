import { beforeAll, expect, it } from "vitest";
import { CALLS_PATH, callMessages } from "../../src/fleet/server-call-messages.ts";
import { START_PATH } from "../../src/fleet/start-notice.ts";
import { encodePeerRequest, PEER_PATH } from "../../src/replication/peers.ts";
import { send } from "../http/http-parts.ts";
import { ADMIN, ROOM, TARGET_ENV, Target } from "./target.ts";
import { tokenWith } from "./tokens.ts";

// Outsiders call the routes reserved for other servers of the cluster.

const CLUSTER_SECRET = "the secret of the cluster";

let target: Target;
beforeAll(async () => {
  target = await Target.start({ ...TARGET_ENV, CLUSTER_SECRET });
});

const calls = Object.keys(callMessages).map((name) => `${CALLS_PATH}/${name}`);
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const right = bearer(CLUSTER_SECRET);

async function statusOf(path: string, headers: Record<string, string>): Promise<number> {
  const body =
    path === PEER_PATH
      ? encodePeerRequest(ROOM, {
          from: "127.0.0.1:1",
          incarnation: 1,
          epoch: 1,
          sequence: 0,
          isOpening: false,
          stateVector: Uint8Array.of(0),
        })
      : JSON.stringify({
          room: ROOM,
          rooms: [ROOM],
          since: null,
          address: "127.0.0.1:1",
          incarnation: 1,
        });
  const options = { method: "POST", headers, body };
  return (await send({ port: target.server().port, path }, options)).status;
}

it("accepts a call with the cluster secret", async () => {
  expect(await statusOf(`${CALLS_PATH}/held`, right)).toBe(200);
});

it.each([
  ["no secret", {}, 401],
  ["an empty secret", bearer(""), 401],
  ["a wrong secret", bearer("the secret of another one"), 401],
  ["a truncated secret", bearer(CLUSTER_SECRET.slice(0, -1)), 401],
  ["text after the secret", bearer(`${CLUSTER_SECRET}, x`), 401],
  ["another scheme", { authorization: `Basic ${CLUSTER_SECRET}` }, 401],
  ["the secret in a cookie", { cookie: `authorization=Bearer ${CLUSTER_SECRET}` }, 401],
  ["the admin token", bearer(ADMIN), 401],
  ["a room token", bearer(tokenWith()), 401],
  ["the secret, from a page of another origin", { ...right, origin: "https://example.org" }, 403],
  ["the secret, from the server's own origin", { ...right, "sec-fetch-site": "same-origin" }, 403],
  ["the secret, from a browser", { ...right, "sec-fetch-mode": "cors" }, 403],
  ["the secret, from a sandboxed frame", { ...right, origin: "null" }, 403],
])("refuses a call with %s", async (_, headers: Record<string, string>, status) => {
  for (const path of [PEER_PATH, START_PATH, ...calls])
    expect(await statusOf(path, headers)).toBe(status);
  await target.expectUnharmed();
});

it("accepts the cluster secret neither for the API nor for a room", async () => {
  for (const path of ["/api/rooms", "/metrics"]) {
    const answer = await send({ port: target.server().port, path }, { headers: right });
    expect(answer.status).toBe(401);
  }
  expect((await target.refusal(encodeURIComponent(CLUSTER_SECRET))).code).toBe(4401);
  await target.expectUnharmed();
});

it("rejects malformed requests with the cluster secret", async () => {
  for (const body of ["", "{", "[]", '{"__proto__":{"room":"x"}}']) {
    for (const path of [PEER_PATH, `${CALLS_PATH}/dropRoom`, `${CALLS_PATH}/held`]) {
      const options = { method: "POST", headers: right, body };
      const answer = await send({ port: target.server().port, path }, options);
      expect([path, answer.status]).toEqual([path, 400]);
    }
  }
  await target.expectUnharmed();
});

it("does not expose the routes if no cluster secret is configured", async () => {
  const alone = await Target.start();
  for (const path of [PEER_PATH, START_PATH, ...calls]) {
    const options = { method: "POST", headers: bearer(""), body: "{}" };
    expect((await send({ port: alone.server().port, path }, options)).status).toBe(404);
  }
  await alone.expectUnharmed();
});

it("limits guesses per address, but not for an address that has sent the secret", async () => {
  const guess = async (secret: string, localAddress: string) => {
    const url = { port: target.server().port, path: `${CALLS_PATH}/held` };
    const body = JSON.stringify({ room: ROOM });
    const answer = await send(url, { method: "POST", headers: bearer(secret), body, localAddress });
    return answer.status;
  };
  const elsewhere = "127.0.0.66";
  const statuses: number[] = [];
  while (!statuses.includes(429) && statuses.length < 50) {
    statuses.push(await guess(`secret ${statuses.length}`, elsewhere));
  }
  expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
  // Even the correct secret is refused from that address.
  expect(await guess(CLUSTER_SECRET, elsewhere)).toBe(429);
  expect(await guess(CLUSTER_SECRET, "127.0.0.2")).not.toBe(429);
  for (let i = 0; i < 30; i++) expect(await guess("a wrong one", "127.0.0.2")).toBe(401);
  expect(await guess(CLUSTER_SECRET, "127.0.0.2")).not.toBe(429);
});
