import { Disturbed } from "./disturbed.ts";

/** The load generator could not do more: what was measured is not the server. */
export class GeneratorFull extends Disturbed {
  override readonly name = "GeneratorFull";
}
