import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { allocateShared, SHARED_BYTES } from "../../runtime/memory.ts";

/**
 * Reads the body of an object into one array, which worker threads can share when it is large.
 *
 * @throws Error when it is shorter or longer than was announced, or does not match its checksum
 */
export async function readBody({
  Body,
  ContentLength: length,
}: GetObjectCommandOutput): Promise<Uint8Array> {
  if (Body === undefined || length === undefined) throw new Error("an answer without a length");
  const bytes = length < SHARED_BYTES ? new Uint8Array(length) : allocateShared(length);
  let end = 0;
  for await (const chunk of Body as AsyncIterable<Uint8Array>) {
    if (end + chunk.length > length) throw new Error(`more than ${length} bytes came`);
    bytes.set(chunk, end);
    end += chunk.length;
  }
  if (end < length) throw new Error(`${end} of ${length} bytes came`);
  return bytes;
}
