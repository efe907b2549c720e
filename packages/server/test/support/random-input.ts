import fc from "fast-check";

/**
 * Properties are checked with the same random input in every run, so that a run fails because of a change
 * and not by chance. `SEED=random` looks for new counterexamples.
 */
const seed = process.env.SEED ?? "20261126";
if (seed !== "random") fc.configureGlobal({ seed: Number(seed) });
