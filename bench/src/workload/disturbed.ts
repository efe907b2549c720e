/** Something else used the cores: not the contender's fault, so the run is repeated. */
export class Disturbed extends Error {
  override readonly name: string = "Disturbed";
}
