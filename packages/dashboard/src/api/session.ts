import { access } from "./access.ts";
import { ApiError } from "./api-error.ts";
import { apiUrl } from "./api-url.ts";
import { request, requestJson } from "./request.ts";

const SESSION = apiUrl("session");

interface Session {
  readonly authenticated: boolean;
  /** False if the server has no admin token and admits any browser on its own machine. */
  readonly required: boolean;
}

/** Updates `access` with whether the server admits this browser. @throws ApiError if that is unknown */
export async function checkAccess(signal: AbortSignal): Promise<void> {
  try {
    const { authenticated, required } = await requestJson<Session>(SESSION, { signal });
    access.value =
      authenticated || !required
        ? { state: "open", canSignOut: required }
        : { state: "signed-out" };
  } catch (error) {
    // `request` has already updated `access` for these.
    if (!(error instanceof ApiError && (error.status === 401 || error.status === 403))) throw error;
  }
}

/** Exchanges the admin token for a cookie. @throws ApiError, with status 401 for a wrong token */
export async function signIn(token: string): Promise<void> {
  await request(SESSION, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  access.value = { state: "open", canSignOut: true };
}

/** Ends the session. @throws ApiError */
export async function signOut(): Promise<void> {
  await request(SESSION, { method: "DELETE" });
  access.value = { state: "signed-out" };
}
