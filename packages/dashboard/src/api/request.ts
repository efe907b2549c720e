import { access } from "./access.ts";
import { ApiError, errorOf } from "./api-error.ts";

const TIMEOUT_MS = 20_000;

/**
 * Sends a request to the API. If it denies access, updates `access`.
 *
 * @throws ApiError; if `init.signal` aborted, its reason instead
 */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal, cache: "no-store" });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(null, silence(timeout.aborted), { cause: error });
  }
  if (response.ok) return response;
  const error = await errorOf(response);
  if (error.status === 401) access.value = { state: "signed-out" };
  if (error.status === 403) access.value = { state: "forbidden", reason: error.message };
  throw error;
}

/** The JSON of a response. Its shape is trusted, not checked. @throws ApiError */
export async function requestJson<T>(url: string, init: RequestInit = {}): Promise<T> {
  const headers = { accept: "application/json", ...init.headers };
  const response = await request(url, { ...init, headers });
  return (await response.json()) as T;
}

function silence(timedOut: boolean): string {
  return timedOut
    ? `The server did not respond within ${TIMEOUT_MS / 1_000} seconds.`
    : "The server cannot be reached.";
}
