import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { EditingClient } from "../support/editing-client.ts";
import { type Session13, yWebsocket31 } from "../support/providers.ts";
import { type Member, TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

/** Servers guarantee two or three seconds; a busy machine needs longer. */
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

/** Opens two sessions on different servers that see each other and each other's writes. */
async function apart(room: string): Promise<{ here: Session13; there: Session13 }> {
  const [here, there] = [0, 1].map((i) =>
    yWebsocket31.open(cluster.member(i).process.wsUrl, room, { presence: { server: i } }),
  );
  if (here === undefined || there === undefined) throw new Error("expected two sessions");
  sessions.push(here, there);
  await waitFor(() => here.isSynced && there.isSynced, { message: "both sessions are synced" });
  there.text.insert(0, "begun ");
  await agree(here, there);
  await waitFor(() => here.presence.size === 2 && there.presence.size === 2, {
    message: "both sessions see each other",
  });
  return { here, there };
}

async function agree(a: Session13, b: Session13, timeout = 30_000): Promise<void> {
  const texts = () => [a, b].map(({ text }) => text.toString());
  await waitFor(() => texts()[0] === texts()[1], {
    timeout,
    message: () => `both sessions have the same text; last seen: ${JSON.stringify(texts())}`,
  });
}

async function restart(member: Member): Promise<void> {
  await member.process.kill();
  await cluster.restart(member);
}

describe("a server that crashes and restarts within its lease", () => {
  it("leaves no ghosts in awareness", async () => {
    const { here, there } = await apart("ghosts");
    await cluster.member(1).process.kill();
    there.destroy();
    expect(here.presence.size).toBe(2);
    await cluster.restart(cluster.member(1));
    await waitFor(() => here.presence.size === 1, {
      timeout: SOON_MS,
      message: "the ghost is removed",
    });
  });

  it("has its unpublished edits delivered by other servers", async () => {
    const { here, there } = await apart("unpublished");
    // Nothing gets from one server to the other, but the journal still has it.
    const [first, second] = [cluster.member(0), cluster.member(1)];
    for (const path of [second.redis, first.peers, second.peers]) path.silence();
    const author = new EditingClient();
    await author.connect(second.process.wsUrl, "unpublished");
    await waitFor(() => author.doc.getText("text").length > 0, { message: "the author is synced" });
    author.doc.getText("text").insert(0, "skept ");
    author.doc.getText("text").delete(0, 1);
    await waitFor(() => author.acknowledged === 6 && author.acknowledgedDeletes.length > 0, {
      message: "the edits are durable",
    });
    await second.process.kill();
    there.destroy();
    for (const path of [second.redis, first.peers, second.peers]) path.restore();
    await cluster.restart(second);
    await waitFor(() => here.text.toString() === "kept begun ", {
      timeout: SOON_MS,
      message: () => `the acknowledged edits arrive on the other server; last seen: ${here.text}`,
    });
  });

  it("serves its clients as before when they reconnect", async () => {
    const { here, there } = await apart("back");
    await restart(cluster.member(1));
    await waitFor(() => there.isConnected && there.isSynced, {
      message: "the session has reconnected",
    });
    here.text.insert(0, "a ");
    there.text.insert(0, "b ");
    await agree(here, there);
    await waitFor(() => here.presence.size === 2 && there.presence.size === 2, {
      message: "both sessions see each other again",
    });
  });
});

describe("while one server cannot reach Redis", () => {
  for (const fault of ["cut", "silence"] as const) {
    it(`edits on either side soon reach the other (${fault})`, async () => {
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

describe("while one server cannot reach DynamoDB", () => {
  it("its clients stay present for all others, and edits are exchanged both ways", async () => {
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
      { message: "its lease has expired" },
    );
    expect(least).toBe(2);
    there.text.insert(0, "new ");
    await agree(here, there, SOON_MS);
    here.text.delete(0, 2);
    await agree(here, there, SOON_MS);
  });
});
