import { GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import * as Y from "yjs";
import { messageOf } from "../document.ts";
import type { Source } from "../source.ts";

export interface S3SourceOptions {
  readonly bucket: string;
  /** Only objects whose keys begin and end like this are read; the rest of the key is the room. */
  readonly prefix: string;
  readonly suffix: string;
  /** Whether that rest is percent-encoded. */
  readonly decode: boolean;
  /** Whether the objects are updates of format V2. */
  readonly v2: boolean;
  /** Whether the bucket is in the path of URLs, instead of in the host. */
  readonly pathStyle: boolean;
}

const ATTEMPTS = 6;
const CONNECT_MS = 5_000;
/** How long nothing may come, before an answer and in it. */
const SILENCE_MS = 30_000;

/** Objects that hold an encoded document each. Region, endpoint and credentials are the SDK's. */
export class S3Source implements Source {
  readonly #client: S3Client;
  readonly #options: S3SourceOptions;

  constructor(options: S3SourceOptions) {
    this.#options = options;
    this.#client = new S3Client({
      forcePathStyle: options.pathStyle,
      maxAttempts: ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
    });
  }

  async *names(): AsyncGenerator<string> {
    const { bucket, prefix, suffix } = this.#options;
    try {
      const query = { Bucket: bucket, Prefix: prefix };
      for await (const page of paginateListObjectsV2({ client: this.#client }, query)) {
        for (const { Key: key = "", Size: size } of page.Contents ?? []) {
          // Consoles show an empty object like this as a folder.
          const isFolder = key.endsWith("/") && size === 0;
          const isLongEnough = key.length >= prefix.length + suffix.length;
          if (isLongEnough && key.endsWith(suffix) && !isFolder) yield key;
        }
      }
    } catch (error) {
      throw explain(`list the bucket ${bucket}`, error);
    }
  }

  async read(key: string): Promise<readonly Uint8Array[]> {
    const body = await this.#body(key);
    if (!this.#options.v2) return [body];
    try {
      return [Y.convertUpdateFormatV2ToV1(body)];
    } catch (cause) {
      throw new Error(`it is not a Yjs update of format V2: ${messageOf(cause)}`, { cause });
    }
  }

  async #body(key: string): Promise<Uint8Array> {
    try {
      const command = new GetObjectCommand({ Bucket: this.#options.bucket, Key: key });
      const { Body } = await this.#client.send(command);
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    } catch (error) {
      throw explain("read the object", error);
    }
  }

  roomOf(key: string): string {
    const { prefix, suffix, decode } = this.#options;
    const name = key.slice(prefix.length, key.length - suffix.length);
    if (!decode) return name;
    try {
      return decodeURIComponent(name);
    } catch (cause) {
      throw new Error("its key is not valid percent-encoded UTF-8", { cause });
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }
}

/** What S3 says is often only the name of the error. */
function explain(what: string, cause: unknown): Error {
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
  return new Error(`could not ${what}: ${name}: ${message}`, { cause });
}
