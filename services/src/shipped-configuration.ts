import { readFile } from "node:fs/promises";

/**
 * A configuration of `deploy/`, of which some places are filled in. So what tests run is what is
 * shipped.
 */
export class ShippedConfiguration {
  #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** @param path below `deploy/` */
  static async read(path: string): Promise<ShippedConfiguration> {
    const url = new URL(`../../deploy/${path}`, import.meta.url);
    return new ShippedConfiguration(await readFile(url, "utf8"));
  }

  get text(): string {
    return this.#text;
  }

  /** @throws Error when the place is not there, so that the shipped file cannot drift away */
  replace(place: RegExp, replacement: string): void {
    if (!place.test(this.#text)) throw new Error(`nothing matches ${place} in the configuration`);
    this.#text = this.#text.replace(place, () => replacement);
  }
}
