/** Other programs used the cores. This is not the contender's fault, so the run is repeated. */
export class Disturbed extends Error {
  override readonly name: string = "Disturbed";
}
