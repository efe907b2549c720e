import { redisCli } from "@symphony/services/redis-cli";

const PREFIX = "symphony:room:";
/** The number of channels that fit into a command line. */
const BATCH = 500;

/** Returns how many connections to these servers are subscribed to each room. */
export async function subscriptionsAt(
  ports: readonly number[],
  { sharded }: { sharded: boolean },
): Promise<ReadonlyMap<string, number>> {
  const [list, count] = sharded ? ["SHARDCHANNELS", "SHARDNUMSUB"] : ["CHANNELS", "NUMSUB"];
  const subscriptions = new Map<string, number>();
  for (const port of ports) {
    const channels = await lines(port, list, `${PREFIX}*`);
    for (let at = 0; at < channels.length; at += BATCH) {
      const counts = await lines(port, count, ...channels.slice(at, at + BATCH));
      for (let i = 0; i + 1 < counts.length; i += 2) {
        const room = (counts[i] ?? "").slice(PREFIX.length);
        const before = subscriptions.get(room) ?? 0;
        if (Number(counts[i + 1]) > 0) subscriptions.set(room, before + Number(counts[i + 1]));
      }
    }
  }
  return subscriptions;
}

/** Closes all connections that have subscriptions. */
export async function dropSubscribers(ports: readonly number[]): Promise<void> {
  await Promise.all(ports.map((port) => redisCli(port, "CLIENT", "KILL", "TYPE", "pubsub")));
}

async function lines(port: number, ...args: readonly string[]): Promise<string[]> {
  const text = await redisCli(port, "PUBSUB", ...args);
  return text.split("\n").filter((line) => line !== "");
}
