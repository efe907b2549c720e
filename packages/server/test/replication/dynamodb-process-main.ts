import { pino } from "pino";
import { openDynamoRegistry } from "../../src/replication/dynamodb/open.ts";
import type { OtherHolders } from "../../src/replication/registry.ts";

// The program of a DynamoDbServer: joins the registry, and holds the rooms that its parent
// requests.

export type ServerMessage =
  | { readonly type: "joined" }
  | { readonly type: "rejoined" }
  | { readonly type: "held"; readonly room: string; readonly others: OtherHolders };

const [table = "", address = "", leaseMs, renewMs, incarnation] = process.argv.slice(2);

function send(message: ServerMessage): void {
  process.send?.(message);
}

process.on("disconnect", () => process.exit());
const registry = await openDynamoRegistry({
  table,
  address,
  incarnation: Number(incarnation),
  leaseMs: Number(leaseMs),
  renewMs: Number(renewMs),
  logger: pino({ level: "silent" }),
});
registry.onRejoined(() => send({ type: "rejoined" }));
process.on("message", (room: string) => {
  void registry.hold(room).then((others) => send({ type: "held", room, others }));
});
send({ type: "joined" });
