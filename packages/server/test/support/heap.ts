import { WebSocket } from "ws";
import type { ServerProcess } from "./server-process.ts";
import { waitFor } from "./wait-for.ts";

/** The Node.js arguments that `liveBytes` requires. */
export const HEAP_ARGS: readonly string[] = ["--inspect=127.0.0.1:0"];

/**
 * The live memory of the main thread of a server started with `HEAP_ARGS`, in bytes: the objects and
 * array buffers that remain after a full garbage collection.
 */
export async function liveBytes(server: ServerProcess): Promise<number> {
  const url = await waitFor(() => inspectorUrl(server), { message: "the inspector is listening" });
  const socket = new WebSocket(url);
  try {
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    // The second collection reclaims memory freed by finalizers of the first.
    await call(socket, "HeapProfiler.collectGarbage");
    await call(socket, "HeapProfiler.collectGarbage");
    const usage = await call(socket, "Runtime.getHeapUsage");
    const { usedSize, backingStorageSize } = usage;
    if (typeof usedSize !== "number" || typeof backingStorageSize !== "number") {
      throw new Error(`no heap usage: ${JSON.stringify(usage)}`);
    }
    return usedSize + backingStorageSize;
  } finally {
    socket.close();
  }
}

function inspectorUrl(server: ServerProcess): string | undefined {
  for (const line of server.output) {
    const url = /^Debugger listening on (ws:\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  return undefined;
}

/** Sends one inspector command. No other command may be in progress on the socket. */
async function call(socket: WebSocket, method: string): Promise<Record<string, unknown>> {
  const answer = new Promise<string>((resolve, reject) => {
    socket.on("message", function receive(data) {
      const text = data.toString();
      if (!text.startsWith('{"id"')) return;
      socket.off("message", receive);
      resolve(text);
    });
    socket.once("close", () => reject(new Error(`the inspector closed during ${method}`)));
  });
  socket.send(JSON.stringify({ id: 1, method }));
  const { result } = JSON.parse(await answer) as { result?: Record<string, unknown> };
  return result ?? {};
}
