import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Server } from "node:https";
import type { Logger } from "pino";
import { ConfigError } from "../runtime/config-error.ts";
import { reasonOf } from "../runtime/reason.ts";
import { Repeater } from "../runtime/repeater.ts";

/** How often the files are checked for changes. */
const LOOK_MS = 2_000;

/** PEM texts: a certificate with its chain, and its private key. */
interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Paths from `TLS_CERT_FILE` and `TLS_KEY_FILE`. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** The server's TLS certificate. It is reloaded when its files change. */
export class Certificate {
  /** The pair read at startup. */
  readonly first: KeyPair;
  readonly #files: CertificateFiles;
  readonly #logger: Logger;
  #looks: Repeater | undefined;
  #used: KeyPair;
  /** The contents of the files at the last check. */
  #seen: KeyPair;

  private constructor(files: CertificateFiles, pair: KeyPair, logger: Logger) {
    this.first = pair;
    this.#files = files;
    this.#logger = logger;
    this.#used = pair;
    this.#seen = pair;
  }

  /** @throws ConfigError naming the file that cannot be read or used */
  static async read(files: CertificateFiles, logger: Logger): Promise<Certificate> {
    const pair = await readPair(files);
    checkPair(pair, files);
    return new Certificate(files, pair, logger);
  }

  /**
   * Watches the files and installs new certificates on the server. Open connections keep the old one. If
   * a new certificate cannot be used, logs an error and keeps the old one.
   */
  renew(server: Server): void {
    this.#looks = new Repeater(async () => {
      await this.#look(server);
      return LOOK_MS;
    });
    this.#looks.startIn(LOOK_MS);
  }

  /** Stops watching the files. */
  close(): void {
    void this.#looks?.close();
  }

  async #look(server: Server): Promise<void> {
    try {
      const pair = await readPair(this.#files);
      const isSettled = isSame(pair, this.#seen);
      this.#seen = pair;
      // The two files are replaced one after the other: wait until they have settled.
      if (!isSettled || isSame(pair, this.#used)) return;
      // Each pair is tried only once, whether or not it can be used.
      this.#used = pair;
      const { validTo } = checkPair(pair, this.#files);
      server.setSecureContext(pair);
      this.#logger.info({ validTo }, "certificate renewed");
    } catch (error) {
      if (this.#looks?.isClosed) return;
      this.#logger.error({ err: error }, "certificate renewal failed, keeping the old one");
    }
  }
}

function isSame(one: KeyPair, other: KeyPair): boolean {
  return one.cert === other.cert && one.key === other.key;
}

async function readPair({ cert, key }: CertificateFiles): Promise<KeyPair> {
  return { cert: await readPem("TLS_CERT_FILE", cert), key: await readPem("TLS_KEY_FILE", key) };
}

async function readPem(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw unusable(setting, file, error);
  }
}

/** @returns the certificate */
function checkPair({ cert, key }: KeyPair, files: CertificateFiles): X509Certificate {
  const certificate = parse("TLS_CERT_FILE", files.cert, () => new X509Certificate(cert));
  const privateKey = parse("TLS_KEY_FILE", files.key, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError(
      `TLS_KEY_FILE=${JSON.stringify(files.key)}: not the private key of the certificate in ` +
        `TLS_CERT_FILE=${JSON.stringify(files.cert)}`,
    );
  }
  return certificate;
}

function parse<T>(setting: string, file: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw unusable(setting, file, error);
  }
}

function unusable(setting: string, file: string, error: unknown): ConfigError {
  const reason = reasonOf(error);
  return new ConfigError(`${setting}=${JSON.stringify(file)}: ${reason}`);
}
