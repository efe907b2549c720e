import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Server } from "node:https";
import type { Logger } from "pino";
import { ConfigError } from "../runtime/config-error.ts";

/** How often the files are looked at. */
const LOOK_MS = 2_000;

/** PEM texts: a certificate with those that vouch for it, and its private key. */
interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The files that `TLS_CERT_FILE` and `TLS_KEY_FILE` name. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** The certificate with which a server speaks TLS. It is read again when its files change. */
export class Certificate {
  /** The one that was read at the start. */
  readonly first: KeyPair;
  readonly #files: CertificateFiles;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #used: KeyPair;
  /** What the files held at the last look. */
  #seen: KeyPair;

  private constructor(files: CertificateFiles, pair: KeyPair, logger: Logger) {
    this.first = pair;
    this.#files = files;
    this.#logger = logger;
    this.#used = pair;
    this.#seen = pair;
  }

  /** @throws ConfigError that names the file that cannot be read or used */
  static async read(files: CertificateFiles, logger: Logger): Promise<Certificate> {
    const pair = await readPair(files);
    checkPair(pair, files);
    return new Certificate(files, pair, logger);
  }

  /**
   * Gives new certificates to a server from now on: connections that are open keep the old one. What
   * cannot be used is logged, and the old one stays.
   */
  renew(server: Server): void {
    const look = async () => {
      await this.#look(server);
      if (this.#timer !== undefined) this.#timer = setTimeout(look, LOOK_MS);
    };
    this.#timer = setTimeout(look, LOOK_MS);
  }

  /** Looks at the files no more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #look(server: Server): Promise<void> {
    try {
      const pair = await readPair(this.#files);
      const isSettled = isSame(pair, this.#seen);
      this.#seen = pair;
      // Whoever replaces two files does so one after the other.
      if (!isSettled || isSame(pair, this.#used)) return;
      // Tried once, whatever comes of it.
      this.#used = pair;
      const { validTo } = checkPair(pair, this.#files);
      server.setSecureContext(pair);
      this.#logger.info({ validTo }, "a new certificate is used");
    } catch (error) {
      if (this.#timer === undefined) return;
      this.#logger.error({ err: error }, "the certificate cannot be renewed; the old one is used");
    }
  }
}

function isSame(one: KeyPair, other: KeyPair): boolean {
  return one.cert === other.cert && one.key === other.key;
}

async function readPair({ cert, key }: CertificateFiles): Promise<KeyPair> {
  return { cert: await read("TLS_CERT_FILE", cert), key: await read("TLS_KEY_FILE", key) };
}

async function read(setting: string, file: string): Promise<string> {
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
      `TLS_KEY_FILE=${JSON.stringify(files.key)}: it is not the key of the certificate in ` +
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
  const reason = error instanceof Error ? error.message : String(error);
  return new ConfigError(`${setting}=${JSON.stringify(file)}: ${reason}`);
}
