/** The process behind `Joiners`: joins on command, and answers each command with one message. */
import { type Joined, join } from "../client/join.ts";
import type { Endpoint } from "../client/websocket-client.ts";
import { holdsSample } from "./sample-document.ts";

export type JoinersCommand =
  | { kind: "join"; endpoint: Endpoint; room: string; count: number }
  | { kind: "check"; client: number; clocks: number };

export interface JoinersReply {
  readonly milliseconds?: number;
  readonly error?: string;
}

const documents: (readonly Buffer[])[] = [];
let lost: string | undefined;

async function joinAll(endpoint: Endpoint, room: string, count: number): Promise<JoinersReply> {
  const startedAt = performance.now();
  const joining = Array.from({ length: count }, () =>
    join(endpoint, room, (reason) => {
      lost ??= reason;
    }),
  );
  const joined: Joined[] = await Promise.all(joining);
  const milliseconds = performance.now() - startedAt;
  documents.push(...joined.map(({ updates }) => updates));
  return { milliseconds };
}

function checkAll(client: number, clocks: number): JoinersReply {
  if (lost !== undefined) return { error: lost };
  const complete = documents.every((updates) => holdsSample(updates, { client, clocks }));
  return complete ? {} : { error: "a client joined without the whole document" };
}

async function answer(command: JoinersCommand): Promise<JoinersReply> {
  if (command.kind === "join") return joinAll(command.endpoint, command.room, command.count);
  return checkAll(command.client, command.clocks);
}

process.on("message", (command: JoinersCommand) => {
  answer(command).then(
    (reply) => process.send?.(reply),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
process.on("disconnect", () => process.exit());
process.send?.({});
