/** The load generator did not get its core in time: not the contender's fault, so the run is repeated. */
export class GeneratorLate extends Error {
  override readonly name = "GeneratorLate";
}
