export { type WaitOptions, waitFor } from "../../src/suites/wait-for.ts";
