import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readOptionsOrExit } from "../src/command-line.ts";
import { help, readOptions } from "./options.ts";
import { page } from "./page.ts";
import { report } from "./report.ts";

const FILE = fileURLToPath(new URL("../MODEL.md", import.meta.url));

const options = readOptionsOrExit(readOptions);
if (options.help) {
  process.stdout.write(help());
} else {
  process.stdout.write(`${report(options.changes)}\n`);
  if (options.write) {
    writeFileSync(FILE, page(options.changes));
    process.stdout.write(`\nwritten to ${FILE}\n`);
  }
}
