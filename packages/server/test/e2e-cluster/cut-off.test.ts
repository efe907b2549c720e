import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { EditingClient } from "../support/editing-client.ts";
import { type Session13, yWebsocket31 } from "../support/providers.ts";
import { type Member, TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

/** Servers promise two or three seconds; a busy machine needs longer. */
const SOON_MS = 7_000;

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start(2, { env: { UNLOAD_DELAY_MS: "200" } });
}, 120_000);

const sessions: Session13[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const { redis, dynamoDb, peers } of cluster.members) {
    for (const path of [redis, dynamoDb, peers]) path.restore();
  }
});

/** Two people on different servers, who see each other and each other's writes. */
async function apart(room: string): Promise<{ here: Session13; there: Session13 }> {
  const [here, there] = [0, 1].map((i) =>
    yWebsocket31.open(cluster.member(i).process.wsUrl, room, { presence: { server: i } }),
  );
  if (here === undefined || there === undefined) throw new Error("two sessions");
  sessions.push(here, there);
  await waitFor(() => here.isSynced && there.isSynced, { message: "both are in sync" });
  there.text.insert(0, "begun ");
  await agree(here, there);
  await waitFor(() => here.presence.size === 2 && there.presence.size === 2, {
    message: "they see each other",
  });
  return { here, there };
}

async function agree(a: Session13, b: Session13, timeout = 30_000): Promise<void> {
  const texts = () => [a, b].map(({ text }) => text.toString());
  await waitFor(() => texts()[0] === texts()[1], {
    timeout,
    message: () => JSON.stringify(texts()),
  });
}

async function restart(member: Member): Promise<void> {
  await member.process.kill();
  await cluster.restart(member);
}

describe("a server that crashed and is back within its lease", () => {
  it("has left no ghosts a moment later", async () => {
    const { here, there } = await apart("ghosts");
    await cluster.member(1).process.kill();
    there.destroy();
    expect(here.presence.size).toBe(2);
    await cluster.restart(cluster.member(1));
    await waitFor(() => here.presence.size === 1, { timeout: SOON_MS, message: "nobody else" });
  });

  it("has published through others what it had not published itself", async () => {
    const { here, there } = await apart("unpublished");
    // Nothing gets from one to the other, but the journal has it anyway.
    const [first, second] = [cluster.member(0), cluster.member(1)];
    for (const path of [second.redis, first.peers, second.peers]) path.silence();
    const author = new EditingClient();
    await author.connect(second.process.wsUrl, "unpublished");
    await waitFor(() => author.doc.getText("text").length > 0, { message: "it is in sync" });
    author.doc.getText("text").insert(0, "skept ");
    author.doc.getText("text").delete(0, 1);
    await waitFor(() => author.acknowledged === 6 && author.acknowledgedDeletes.length > 0, {
      message: "it is durable",
    });
    await second.process.kill();
    there.destroy();
    for (const path of [second.redis, first.peers, second.peers]) path.restore();
    await cluster.restart(second);
    await waitFor(() => here.text.toString() === "kept begun ", {
      timeout: SOON_MS,
      message: () => `what was acknowledged is there: ${here.text}`,
    });
  });

  it("is the same to its clients, which come back to it", async () => {
    const { here, there } = await apart("back");
    await restart(cluster.member(1));
    await waitFor(() => there.isConnected && there.isSynced, { message: "it is back" });
    here.text.insert(0, "a ");
    there.text.insert(0, "b ");
    await agree(here, there);
    await waitFor(() => here.presence.size === 2 && there.presence.size === 2, {
      message: "they see each other again",
    });
  });
});

describe("while one server does not reach Redis", () => {
  for (const fault of ["cut", "silence"] as const) {
    it(`what is written on either side is soon on the other (${fault})`, async () => {
      const { here, there } = await apart(`redis-${fault}`);
      cluster.member(1).redis[fault]();
      for (const [author, reader] of [
        [there, here],
        [here, there],
        [there, here],
      ] as const) {
        author.text.insert(0, "new ");
        await agree(author, reader, SOON_MS);
        author.text.delete(0, 2);
        await agree(author, reader, SOON_MS);
      }
      cluster.member(1).redis.restore();
      there.text.insert(0, "again ");
      await agree(here, there, SOON_MS);
    });
  }
});

describe("while one server does not reach DynamoDB", () => {
  it("its clients are there for everybody, and what they write is", async () => {
    const { here, there } = await apart("dynamodb");
    cluster.member(1).dynamoDb.silence();
    let least = 2;
    const until = performance.now() + 20_000;
    // Longer than its lease.
    await waitFor(
      () => {
        least = Math.min(least, here.presence.size, there.presence.size);
        return performance.now() > until;
      },
      { message: "its lease has lapsed" },
    );
    expect(least).toBe(2);
    there.text.insert(0, "new ");
    await agree(here, there, SOON_MS);
    here.text.delete(0, 2);
    await agree(here, there, SOON_MS);
  });
});
