import { REFERENCE } from "../contenders/all.ts";
import type { Figures, Measurement } from "../measurements/measurement.ts";
import { median } from "./statistics.ts";

/** All runs of one contender in one measurement, or with one of its numbers of clients. */
export interface ContenderResult {
  readonly contender: string;
  /** The number of clients, if the measurement has several. */
  readonly clients: number | undefined;
  /** In the order of the runs; undefined for a run that was disturbed in every attempt. */
  readonly runs: readonly (Figures | undefined)[];
  /** Why there are no figures: one run that lost something voids them all. */
  readonly refused: string | undefined;
  /** The last reason why a run was disturbed. */
  readonly disturbed: string | undefined;
}

export interface MeasurementResult {
  readonly measurement: Measurement;
  readonly description: string;
  readonly contenders: readonly ContenderResult[];
}

/** Names a row of the results. */
export function describeRow({
  contender,
  clients,
}: Pick<ContenderResult, "contender" | "clients">): string {
  return clients === undefined ? contender : `${contender}, ${clients} clients`;
}

export function medianOf(result: ContenderResult, column: string): number | undefined {
  if (result.refused !== undefined) return undefined;
  return median(
    result.runs.map((figures) => figures?.[column]).filter((value) => value !== undefined),
  );
}

/** The contender that the others are compared with. */
export function referenceOf({ reference }: Measurement): string {
  return reference ?? REFERENCE;
}

/**
 * Returns the median of the ratios to another contender with the same number of clients, each within
 * one run; undefined if either has no figures.
 *
 * @param to the reference if absent
 */
export function ratioOf(
  { contenders, measurement }: MeasurementResult,
  result: ContenderResult,
  column: string,
  to: string = referenceOf(measurement),
): number | undefined {
  const reference = contenders.find(
    ({ contender, clients }) => contender === to && clients === result.clients,
  );
  if (reference?.refused !== undefined || result.refused !== undefined) return undefined;
  const ratios = result.runs.flatMap((figures, run) => {
    const own = figures?.[column];
    const theirs = reference?.runs[run]?.[column];
    return own === undefined || theirs === undefined || theirs === 0 ? [] : [own / theirs];
  });
  return median(ratios);
}
