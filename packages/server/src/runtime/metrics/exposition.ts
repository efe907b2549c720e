import type { Distribution } from "./distribution.ts";

/**
 * Writes metrics in the Prometheus text format, version 0.0.4. Nothing is escaped: names must be
 * valid, help texts a single line, and label values free of quotes and backslashes, as they are
 * constants here.
 */
export class Exposition {
  #text = "";

  get text(): string {
    return this.#text;
  }

  /** A value that only grows. */
  counter(name: string, help: string, value: number): void {
    this.#begin(name, help, "counter");
    this.#sample(name, value);
  }

  /** A counter for each value of a label. */
  counters(name: string, help: string, label: string, values: Values): void {
    this.#begin(name, help, "counter");
    this.#samples(name, label, values);
  }

  /** A value that may rise and fall. */
  gauge(name: string, help: string, value: number): void {
    this.#begin(name, help, "gauge");
    this.#sample(name, value);
  }

  /** A gauge for each value of a label. */
  gauges(name: string, help: string, label: string, values: Values): void {
    this.#begin(name, help, "gauge");
    this.#samples(name, label, values);
  }

  histogram(name: string, help: string, { bounds, counts, sum }: Distribution): void {
    this.#begin(name, help, "histogram");
    let count = 0;
    counts.forEach((inBucket, i) => {
      count += inBucket;
      this.#sample(`${name}_bucket{le="${bounds[i] ?? "+Inf"}"}`, count);
    });
    this.#sample(`${name}_sum`, sum);
    this.#sample(`${name}_count`, count);
  }

  #begin(name: string, help: string, type: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  #samples(name: string, label: string, values: Values): void {
    for (const [key, value] of values) this.#sample(`${name}{${label}="${key}"}`, value);
  }

  #sample(series: string, value: number): void {
    this.#text += `${series} ${value}\n`;
  }
}

/** Values of a label, each with the value of the metric. */
export type Values = Iterable<readonly [string | number, number]>;
