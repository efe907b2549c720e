import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { codeOf } from "./s3-errors.ts";
import { CLEAN_UP_MS } from "./time-limit.ts";

/** The precondition on the current object for replacing it. */
export type Condition = { readonly IfMatch: string } | { readonly IfNoneMatch: "*" };

export interface MultipartUpload {
  readonly object: CreateMultipartUploadCommandInput;
  readonly body: Buffer;
  readonly condition: Condition;
  readonly signal: AbortSignal;
  /**
   * Called when all parts are uploaded, before the object appears. May reject to abort the upload.
   */
  readonly beforeEnd: () => Promise<void>;
  /** Called when parts may have been left behind. */
  readonly onLeftover: (error: unknown) => void;
}

/** S3 requires at least 5 MiB. Hashing a part blocks the event loop for about ten milliseconds. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 4;

/**
 * Uploads an object in parts. It appears atomically, if the condition holds at the end; otherwise
 * its parts are removed.
 *
 * @returns the ETag, which Ceph omits
 * @throws the errors of the client, and whatever `beforeEnd` throws
 */
export async function uploadInParts(
  client: S3Client,
  upload: MultipartUpload,
): Promise<string | undefined> {
  const { object, body, condition, signal, beforeEnd, onLeftover } = upload;
  const checksum = await checksumOf(client);
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ ...object, ...checksum }),
    { abortSignal: signal },
  );
  const target = { Bucket: object.Bucket, Key: object.Key, UploadId };
  try {
    const Parts = await uploadParts(client, { ...target, ...checksum }, body, signal);
    await beforeEnd();
    const { ETag } = await client.send(
      new CompleteMultipartUploadCommand({ ...target, ...condition, MultipartUpload: { Parts } }),
      { abortSignal: signal },
    );
    return ETag;
  } catch (error) {
    try {
      // A new signal: the upload's own signal may be what ended it.
      const abortSignal = AbortSignal.timeout(CLEAN_UP_MS);
      await client.send(new AbortMultipartUploadCommand(target), { abortSignal });
    } catch (leftover) {
      if (codeOf(leftover) !== "NoSuchUpload") onLeftover(leftover);
    }
    throw error;
  }
}

interface Target {
  readonly Bucket: string | undefined;
  readonly Key: string | undefined;
  readonly UploadId: string | undefined;
  readonly ChecksumAlgorithm?: "CRC32";
}

/** Some stores do not support checksums; AWS_REQUEST_CHECKSUM_CALCULATION tells the SDK so. */
async function checksumOf({ config }: S3Client): Promise<{ ChecksumAlgorithm?: "CRC32" }> {
  const wanted = await config.requestChecksumCalculation();
  return wanted === "WHEN_SUPPORTED" ? { ChecksumAlgorithm: "CRC32" } : {};
}

async function uploadParts(
  client: S3Client,
  target: Target,
  body: Buffer,
  signal: AbortSignal,
): Promise<CompletedPart[]> {
  const count = Math.ceil(body.length / PART_BYTES);
  const parts: CompletedPart[] = [];
  const failed = new AbortController();
  const abortSignal = AbortSignal.any([signal, failed.signal]);
  let begun = 0;
  const uploadNext = async () => {
    while (begun < count) {
      const index = begun++;
      const part = { ...target, PartNumber: index + 1 };
      const Body = body.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
      const { ETag, ChecksumCRC32 } = await client.send(new UploadPartCommand({ ...part, Body }), {
        abortSignal,
      });
      parts[index] = { PartNumber: part.PartNumber, ETag, ChecksumCRC32 };
    }
  };
  const lanes = Array.from({ length: PARTS_AT_ONCE }, uploadNext);
  try {
    await Promise.all(lanes);
  } catch (error) {
    // A part that arrives after the upload was aborted would be left behind.
    failed.abort();
    await Promise.allSettled(lanes);
    throw error;
  }
  return parts;
}
