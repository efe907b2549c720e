import { PeerError } from "../replication/peers.ts";
import type { ServerAddress } from "../replication/registry.ts";
import { reasonOf } from "../runtime/reason.ts";
import type { ServerCalls } from "./server-calls.ts";

/** Maximum number of concurrent requests. */
const AT_ONCE = 50;

/** The answers of several servers and the failures, each in the order of the servers. */
export interface Answers<Answer> {
  readonly answers: readonly { readonly address: ServerAddress; readonly answer: Answer }[];
  readonly failures: readonly { readonly address: ServerAddress; readonly reason: string }[];
}

/** Calls several servers concurrently. Does not reject. */
export async function askAll<Answer>(
  servers: readonly ServerCalls[],
  call: (server: ServerCalls) => Promise<Answer>,
): Promise<Answers<Answer>> {
  const results = new Array<{ answer: Answer } | { reason: string }>(servers.length);
  const left = servers.entries();
  const askNext = async () => {
    for (const [index, server] of left) {
      try {
        results[index] = { answer: await call(server) };
      } catch (error) {
        results[index] = { reason: reasonOf(error) };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, servers.length) }, askNext));
  const answers: Answers<Answer>["answers"][number][] = [];
  const failures: Answers<Answer>["failures"][number][] = [];
  servers.forEach(({ address }, index) => {
    const result = results[index];
    if (result === undefined) return;
    if ("answer" in result) answers.push({ address, answer: result.answer });
    else failures.push({ address, reason: result.reason });
  });
  return { answers, failures };
}

/**
 * Calls several servers, all of which must succeed.
 *
 * @param what describes the operation, for the error message
 * @throws PeerError if the call failed on any of them; it may have succeeded on the others
 */
export async function tellAll(
  servers: readonly ServerCalls[],
  what: string,
  call: (server: ServerCalls) => Promise<unknown>,
): Promise<void> {
  const { failures } = await askAll(servers, call);
  if (failures.length === 0) return;
  const reasons = failures.map(({ reason }) => reason).join("; ");
  throw new PeerError(`${what} requires all servers, and ${failures.length} failed: ${reasons}`);
}
