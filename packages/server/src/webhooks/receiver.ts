import { reasonOf } from "../runtime/reason.ts";
import { SIGNATURE_HEADER, signatureOf } from "./signature.ts";

/** The receiver responded that it will never accept this. */
export class GoneError extends Error {
  override readonly name = "GoneError";
}

export interface ReceiverOptions {
  readonly url: URL;
  /** Signs requests; without it, they are not signed. */
  readonly secret: string | undefined;
  /** How long the receiver may take per request, in milliseconds. */
  readonly timeout: number;
}

/** An HTTP endpoint of the application that receives notifications. */
export class Receiver {
  readonly #options: ReceiverOptions;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /**
   * Posts JSON. Any status from 200 to 299 means that it was accepted. The response body is not read, and
   * redirects are not followed.
   *
   * @param signal aborts the request early
   * @throws GoneError for 410; Error for any other status, or if there is no response in time. It gives the
   *   reason without the URL, which may contain a secret
   */
  async post(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    const { url, secret, timeout } = this.#options;
    const seconds = Math.floor(Date.now() / 1_000);
    const status = await send(url, {
      method: "POST",
      redirect: "manual",
      headers: {
        "content-type": "application/json",
        ...(secret === undefined ? {} : { [SIGNATURE_HEADER]: signatureOf(secret, seconds, body) }),
      },
      body,
      signal: AbortSignal.any([AbortSignal.timeout(timeout), signal]),
    });
    if (status === 410) throw new GoneError("the receiver responded with status 410");
    if (status < 200 || status > 299)
      throw new Error(`the receiver responded with status ${status}`);
  }
}

async function send(url: URL, request: RequestInit): Promise<number> {
  try {
    const response = await fetch(url, request);
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
}
