import type { ConnectionsOverTime } from "../../../server/src/http/api/schemas.ts";
import { apiUrl } from "./api-url.ts";
import { requestJson } from "./request.ts";

/** Connections and active rooms over the last `seconds`. @throws ApiError */
export function connectionsOverTime(
  seconds: number,
  signal: AbortSignal,
): Promise<ConnectionsOverTime> {
  const to = new Date();
  const from = new Date(to.getTime() - seconds * 1_000);
  const url = apiUrl("connections", { from: from.toISOString(), to: to.toISOString() });
  return requestJson(url, { signal });
}
