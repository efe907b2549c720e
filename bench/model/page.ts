import type { Input } from "./input.ts";
import { INPUT_GROUPS, type Inputs } from "./inputs.ts";
import { report } from "./report.ts";

const INTRODUCTION = `# A model of the large scale

Written by \`node bench/model/main.ts --write\`. It extrapolates measurements from one machine, so it says
how often each service is used, and what costs most; it does not replace a test at that scale.
You can change any input: \`node bench/model/main.ts --set clientsPerRoom=8 --set actingShare=0.1\`.
**The prices were written down from memory, and the capacities of services are not measured: check
both before you rely on a sum.**

- **affinity**: the load balancer hashes the room, and nearly every room is on one server. At AWS this
  takes HAProxy behind a Network Load Balancer.
- **round robin**: each client reaches any server of its cluster, as with an Application Load Balancer.
- A **cell** is one cluster with its own services.`;

const ASSUMPTIONS = `## What is assumed

- All clients are connected all day, and active all month. For clients that are connected eight hours
  of twenty-four, divide usage-based costs by three; servers scale down only if their number does.
- All rooms have the same size. All clients in the world connect to one region.
- A room is in use for one session, then it is empty. Its members join at the beginning; later joiners
  replace members that left: with affinity on the room's server, with round robin on any server.
- Each update and each presence change is a separate message: servers batch those that arrive at the
  same moment, but in small rooms that is rare. Clients echo new presence, as y-websocket 1 to 3 do.
- Redis: each change in a room on several servers is published as one message, and delivered to all
  servers that hold the room, including the publisher. Heartbeats and greetings are counted; catching
  up after lost messages is not.
- DynamoDB: one write to open a room; one to unload it, or two while others hold it. Each server renews
  its lease, and reads those of all servers with which it shares a room.
- S3: a room with activity is stored at each interval, and when its last server unloads it. Other
  holders rarely store it; when they do, both meet a conflict, which costs two more PUT and two GET.
  Versions are kept as in deploy/aws.
- PostgreSQL: each server has one group commit in flight at a time. Journal rows are deleted after a
  snapshot, in one commit.
- Kernel memory of sockets, documents at rest, backups, support and staff are not included. Nothing
  fails: servers keep half of their CPU free for failures.`;

/** Renders MODEL.md. */
export function page(changes: Partial<Inputs>): string {
  const changed = Object.keys(changes);
  return `${[
    INTRODUCTION,
    ...(changed.length === 0 ? [] : [`Changed inputs: ${changed.join(", ")}.`]),
    report(changes),
    ASSUMPTIONS,
    "## Inputs",
    ...Object.entries(INPUT_GROUPS).map(([title, group]) => inputTable(title, group, changes)),
  ].join("\n\n")}\n`;
}

function inputTable(
  title: string,
  group: Readonly<Record<string, Input>>,
  changes: Readonly<Record<string, number>>,
): string {
  const rows = Object.entries(group).map(([name, { value, unit, from }]) => {
    const changed = changes[name];
    return changed === undefined
      ? `| \`${name}\` | ${value} | ${unit} | ${from} |`
      : `| \`${name}\` | **${changed}** | ${unit} | given, in place of ${value} |`;
  });
  return [
    `### ${title}`,
    ["| input | value | unit | from |", "|---|---:|---|---|", ...rows].join("\n"),
  ].join("\n\n");
}
