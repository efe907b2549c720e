/** Metrics as Prometheus parses them. */
export interface Exposed {
  /** By the name of the metric: `counter`, `gauge`, `histogram` or `summary`. */
  readonly types: ReadonlyMap<string, string>;
  /** By series as written, including its labels. */
  readonly samples: ReadonlyMap<string, number>;
  /** @throws Error if there is no such series */
  valueAt(series: string): number;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABELS = '\\{[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\\]*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\\]*")*\\}';
const HELP = new RegExp(`^# HELP (${NAME}) \\S.*$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:${LABELS})? (\\S+)$`);

/**
 * Parses the Prometheus text format strictly: every metric has its help, then its type, then all of its
 * samples; no series appears twice, and histograms are consistent.
 *
 * @throws Error with the offending line
 */
export function parseExposition(text: string): Exposed {
  if (!text.endsWith("\n")) throw new Error("the last line does not end with a newline");
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  let helped = "";
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const [, help] = HELP.exec(line) ?? [];
    const [, typed, type] = TYPE.exec(line) ?? [];
    const [, name, value] = SAMPLE.exec(line) ?? [];
    if (help !== undefined) {
      if (types.has(help)) throw new Error(`duplicate help for ${help}`);
      helped = help;
    } else if (typed !== undefined && type !== undefined) {
      if (typed !== helped) throw new Error(`missing help before: ${line}`);
      types.set(typed, type);
      current = typed;
    } else if (name !== undefined && value !== undefined) {
      if (!namesOf(current, types.get(current)).includes(name))
        throw new Error(`sample of another metric: ${line}`);
      const series = line.slice(0, -value.length - 1);
      if (samples.has(series)) throw new Error(`duplicate series: ${series}`);
      samples.set(series, numberOf(value));
    } else {
      throw new Error(`malformed line: ${line}`);
    }
  }
  for (const [name, type] of types) {
    if (type === "histogram") checkHistogram(name, samples);
    if (type === "counter" && !name.endsWith("_total"))
      throw new Error(`counter without the suffix _total: ${name}`);
  }
  return {
    types,
    samples,
    valueAt: (series) => {
      const value = samples.get(series);
      if (value === undefined) throw new Error(`no such series: ${series}`);
      return value;
    },
  };
}

/** The names that a metric's samples may have. */
export function namesOf(name: string, type: string | undefined): string[] {
  if (type === "histogram") return [`${name}_bucket`, `${name}_sum`, `${name}_count`];
  if (type === "summary") return [name, `${name}_sum`, `${name}_count`];
  return [name];
}

function numberOf(text: string): number {
  // Parses numbers as Go does, which accepts the `Nan` that prom-client writes.
  if (/^nan$/i.test(text)) return Number.NaN;
  const value = text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
  if (Number.isNaN(value)) throw new Error(`not a number: ${text}`);
  return value;
}

/** Checks, per label set, that buckets grow with their bounds and that the last one holds everything. */
function checkHistogram(name: string, samples: ReadonlyMap<string, number>): void {
  const reached = new Map<string, { bound: number; count: number }>();
  for (const [series, count] of samples) {
    if (!series.startsWith(`${name}_bucket{`)) continue;
    const le = /le="([^"]*)",?/.exec(series);
    if (le === null) throw new Error(`bucket without a bound: ${series}`);
    const key = series.replace(le[0], "").slice(`${name}_bucket`.length).replace(",}", "}");
    const before = reached.get(key);
    const bound = numberOf(le[1] ?? "");
    if (before !== undefined && (bound <= before.bound || count < before.count)) {
      throw new Error(`buckets not in order: ${series}`);
    }
    reached.set(key, { bound, count });
  }
  for (const [key, { bound, count }] of reached) {
    const total = samples.get(`${name}_count${key === "{}" ? "" : key}`);
    if (bound !== Number.POSITIVE_INFINITY || count !== total) {
      throw new Error(`${name}${key} does not add up: ${count} in ${bound}, of ${total}`);
    }
  }
}
