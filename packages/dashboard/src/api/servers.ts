import type { Servers } from "../../../server/src/http/api/schemas.ts";
import { apiUrl } from "./api-url.ts";
import { requestJson } from "./request.ts";

/** The status that each live server reports about itself. @throws ApiError */
export function listServers(signal: AbortSignal): Promise<Servers> {
  return requestJson(apiUrl("servers"), { signal });
}
