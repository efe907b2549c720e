import type { Input } from "./input.ts";
import { INPUT_GROUPS, type Inputs } from "./inputs.ts";
import { report } from "./report.ts";

const INTRODUCTION = `# A model of the large scale

Written by \`node bench/model/main.ts --write\`. It multiplies what was measured on one machine, so it says
which service is asked how often, and what costs most; it does not replace a test at that scale.
Any input can be changed: \`node bench/model/main.ts --set clientsPerRoom=8 --set actingShare=0.1\`.
**The prices were written down from memory, and the capacities of services are not measured: check
both before you rely on a sum.**

- **affinity**: the load balancer hashes the room, and nearly every room is on one server. At AWS this
  takes HAProxy behind a Network Load Balancer.
- **round robin**: each client comes to any server of its cluster, as with an Application Load Balancer.
- A **cell** is one cluster with services of its own.`;

const ASSUMPTIONS = `## What is assumed

- All clients are connected all day, and so act all month. For clients that are there eight hours of
  twenty-four, divide what is paid by use by three; servers follow only if their number does.
- All rooms are equally large. Everybody in the world connects to one region.
- A room is in use for one session, then nobody is there. Its members come at its beginning; who joins
  later takes the place of one who went: with affinity on the server where the room is, with round
  robin on any.
- Each update and each presence change is a message of its own: servers gather those that come at the
  same moment, but in small rooms that is seldom. Clients send new presence back, as y-websocket 1 to
  3 do.
- On Redis, one message is published for each change in a room on several servers, and delivered to
  all servers that hold it, also to the one that published it. Beats and greetings are counted;
  catching up after lost messages is not.
- DynamoDB: one write to open a room; one to let it go, or two while others hold it. Each server renews its lease, and reads those of all servers with which it shares a room.
- S3: a room in which somebody acts is stored at each interval, and when its last server lets it go.
  A server that holds it beside the one that stores it stores it seldom; then both meet a conflict,
  which costs two more PUT and two GET. Versions are kept as in deploy/aws.
- PostgreSQL: each server has one group commit under way at a time. Rows of the journal are deleted
  after a snapshot, in one commit.
- Kernel memory of sockets, documents at rest, backups, support and people cost nothing here. Nothing
  fails: servers have half of their CPU free for that.`;

/** The whole of MODEL.md. */
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
