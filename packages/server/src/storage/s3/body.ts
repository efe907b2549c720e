import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { allocateShared, SHARED_BYTES } from "../../runtime/memory.ts";

/**
 * Reads the body of an object into one array. A large one is allocated so that worker threads can
 * share it.
 *
 * @throws Error if it is shorter or longer than announced, or does not match its checksum
 */
export async function readBody({
  Body,
  ContentLength: length,
}: GetObjectCommandOutput): Promise<Uint8Array> {
  if (Body === undefined || length === undefined)
    throw new Error("S3 sent a response without a length");
  const bytes = length < SHARED_BYTES ? new Uint8Array(length) : allocateShared(length);
  let end = 0;
  for await (const chunk of Body as AsyncIterable<Uint8Array>) {
    if (end + chunk.length > length)
      throw new Error(`the response is longer than the announced ${length} bytes`);
    bytes.set(chunk, end);
    end += chunk.length;
  }
  if (end < length) throw new Error(`the response ended after ${end} of ${length} bytes`);
  return bytes;
}
