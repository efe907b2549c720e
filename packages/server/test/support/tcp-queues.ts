import { readFile } from "node:fs/promises";

interface Row {
  readonly local: number;
  readonly remote: number;
  readonly sending: number;
  readonly receiving: number;
}

/**
 * How many bytes one end of a local IPv4 connection has sent and the other has not read: those in the
 * kernel's buffers on both sides.
 */
export async function bytesUnderWay(fromPort: number, toPort: number): Promise<number> {
  const rows = parse(await readFile("/proc/net/tcp", "utf8"));
  const sender = rows.find((row) => row.local === fromPort && row.remote === toPort);
  const receiver = rows.find((row) => row.local === toPort && row.remote === fromPort);
  if (sender === undefined || receiver === undefined) {
    throw new Error(`no connection between the ports ${fromPort} and ${toPort}`);
  }
  return sender.sending + receiver.receiving;
}

function parse(table: string): Row[] {
  const form = /^\s*\d+: \w+:(\w+) \w+:(\w+) \w+ (\w+):(\w+) /gm;
  return [...table.matchAll(form)].map(([, local, remote, sending, receiving]) => ({
    local: Number.parseInt(local ?? "", 16),
    remote: Number.parseInt(remote ?? "", 16),
    sending: Number.parseInt(sending ?? "", 16),
    receiving: Number.parseInt(receiving ?? "", 16),
  }));
}
