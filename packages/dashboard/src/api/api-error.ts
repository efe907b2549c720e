/** A request that failed. The message is for the person who looks at the page. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** The HTTP status; `null` when there was no answer. */
  readonly status: number | null;

  constructor(status: number | null, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The error that an answer tells of, as a problem of RFC 9457 or, from a proxy, in any other form. */
export async function errorOf(response: Response): Promise<ApiError> {
  const detail = await detailOf(response);
  return new ApiError(response.status, detail ?? `The server answered with ${response.status}.`);
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
