import { Disturbed } from "./disturbed.ts";

/** The load generator was the bottleneck, so the server was not measured. */
export class GeneratorFull extends Disturbed {
  override readonly name = "GeneratorFull";
}
