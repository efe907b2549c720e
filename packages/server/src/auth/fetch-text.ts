import { reasonOf } from "../runtime/reason.ts";
export interface TextAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * Fetches text of limited size. `init.signal` limits the time, including that for the body.
 *
 * @throws Error with the reason, without the URL
 */
export async function fetchText(
  url: string | URL,
  init: RequestInit,
  maxBytes: number,
): Promise<TextAnswer> {
  try {
    const response = await fetch(url, init);
    return {
      status: response.status,
      headers: response.headers,
      text: await readText(response, maxBytes),
    };
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    // Leaving the loop ends the connection.
    if (bytes > maxBytes) throw new Error(`the response is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
