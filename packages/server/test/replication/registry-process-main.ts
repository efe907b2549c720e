import { pino } from "pino";
import { openDynamoRegistry } from "../../src/replication/dynamodb/open.ts";
import { openPostgresRegistry } from "../../src/replication/postgres/open.ts";
import type { OtherHolders, Registry } from "../../src/replication/registry.ts";

// The program of a RegistryProcess: joins the registry, and holds the rooms that its parent
// requests.

export type ServerMessage =
  | { readonly type: "joined" }
  | { readonly type: "rejoined" }
  | { readonly type: "held"; readonly room: string; readonly others: OtherHolders };

/** Where a registry is. */
export type RegistryPlace =
  | { readonly kind: "dynamodb"; readonly table: string }
  | { readonly kind: "postgres"; readonly url: string };

const [place = "", address = "", leaseMs, renewMs, incarnation] = process.argv.slice(2);

function send(message: ServerMessage): void {
  process.send?.(message);
}

function open(at: RegistryPlace): Promise<Registry> {
  const options = {
    address,
    incarnation: Number(incarnation),
    leaseMs: Number(leaseMs),
    renewMs: Number(renewMs),
    logger: pino({ level: "silent" }),
  };
  return at.kind === "dynamodb"
    ? openDynamoRegistry({ table: at.table, ...options })
    : openPostgresRegistry({ url: at.url, ...options });
}

process.on("disconnect", () => process.exit());
const registry = await open(JSON.parse(place) as RegistryPlace);
registry.onRejoined(() => send({ type: "rejoined" }));
process.on("message", (room: string) => {
  void registry.hold(room).then((others) => send({ type: "held", room, others }));
});
send({ type: "joined" });
