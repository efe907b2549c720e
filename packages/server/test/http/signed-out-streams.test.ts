import { beforeAll, expect, it } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { EventReader } from "./event-reader.ts";

const TOKEN = "the token of an administrator";
/** Sessions are checked every five seconds. */
const ENDED_MS = 30_000;

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer({ env: { ADMIN_TOKEN: TOKEN } });
});

async function signIn(): Promise<string> {
  const answer = await fetch(`${server.url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: TOKEN }),
  });
  expect(answer.status).toBe(200);
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}

it("an event stream ends soon after its session, while others continue", async () => {
  const [cookie, other] = [await signIn(), await signIn()];
  const url = `${server.url}/api/events`;
  const signedOut = await EventReader.open(url, { cookie });
  const signedIn = await EventReader.open(url, { cookie: other });
  const withToken = await EventReader.open(url, { authorization: `Bearer ${TOKEN}` });
  const answer = await fetch(`${server.url}/api/session`, {
    method: "DELETE",
    headers: { cookie },
  });
  expect(answer.status).toBe(204);
  await waitFor(() => signedOut.hasEnded, { timeout: ENDED_MS, message: "the stream has ended" });
  expect([signedIn.hasEnded, withToken.hasEnded]).toEqual([false, false]);
});
