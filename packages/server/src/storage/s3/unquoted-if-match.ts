import type { S3Client } from "@aws-sdk/client-s3";

/**
 * Makes a client send `If-Match` without the quotes of the ETag. Ceph compares the header with the
 * bare ETag, so with the quotes that the standard requires, no condition ever holds.
 */
export function sendUnquotedIfMatch(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args;
      if (hasHeaders(request)) {
        const value = request.headers["if-match"];
        if (value !== undefined) request.headers["if-match"] = value.replaceAll('"', "");
      }
      return next(args);
    },
    // Runs before the request is signed.
    { step: "build", name: "sendUnquotedIfMatch", priority: "low" },
  );
}

function hasHeaders(request: unknown): request is { headers: Record<string, string | undefined> } {
  return typeof request === "object" && request !== null && "headers" in request;
}
