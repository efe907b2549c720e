/** A failed request. The message is shown to the user. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** The HTTP status; `null` if there was no response. */
  readonly status: number | null;

  constructor(status: number | null, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Converts an error response: an RFC 9457 problem or, from a proxy, any other form. */
export async function errorOf(response: Response): Promise<ApiError> {
  const detail = await detailOf(response);
  return new ApiError(
    response.status,
    detail ?? `The server responded with status ${response.status}.`,
  );
}

async function detailOf(response: Response): Promise<string | null> {
  if (!response.headers.get("content-type")?.includes("json")) return null;
  const problem: unknown = await response.json().catch(() => null);
  if (typeof problem !== "object" || problem === null || !("detail" in problem)) return null;
  return typeof problem.detail === "string" ? sentence(problem.detail) : null;
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
