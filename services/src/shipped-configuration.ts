import { readFile } from "node:fs/promises";

/** A configuration from `deploy/` with some values replaced, so that tests run what is shipped. */
export class ShippedConfiguration {
  #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** @param path relative to `deploy/` */
  static async read(path: string): Promise<ShippedConfiguration> {
    const url = new URL(`../../deploy/${path}`, import.meta.url);
    return new ShippedConfiguration(await readFile(url, "utf8"));
  }

  get text(): string {
    return this.#text;
  }

  /** @throws Error if nothing matches, so that the shipped file cannot drift from the tests */
  replace(place: RegExp, replacement: string): void {
    if (!place.test(this.#text)) throw new Error(`nothing matches ${place} in the configuration`);
    this.#text = this.#text.replace(place, () => replacement);
  }
}
