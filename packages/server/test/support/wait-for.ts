export { type WaitOptions, waitFor } from "../../src/conformance/wait-for.ts";
