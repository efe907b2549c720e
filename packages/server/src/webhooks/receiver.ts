import { reasonOf } from "../auth/fetch-text.ts";
import { SIGNATURE_HEADER, signatureOf } from "./signature.ts";

/** The receiver says that it will never take this. */
export class GoneError extends Error {
  override readonly name = "GoneError";
}

export interface ReceiverOptions {
  readonly url: URL;
  /** Signs what is sent; nothing is signed without it. */
  readonly secret: string | undefined;
  /** How long the receiver may take, in milliseconds. */
  readonly timeout: number;
}

/** A program of the application that is told what happens. */
export class Receiver {
  readonly #options: ReceiverOptions;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /**
   * Posts JSON. Any status from 200 to 299 means that it was taken; the body of the answer is not read,
   * and redirections are not followed.
   *
   * @param signal ends it earlier
   * @throws GoneError for 410; Error for any other answer and when there was none in time. It says why,
   *   and does not show the URL, which may hold a secret
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
    if (status === 410) throw new GoneError("the receiver answered with status 410");
    if (status < 200 || status > 299)
      throw new Error(`the receiver answered with status ${status}`);
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
