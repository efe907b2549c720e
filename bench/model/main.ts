import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { help, type Options, readOptions } from "./options.ts";
import { page } from "./page.ts";
import { report } from "./report.ts";

const FILE = fileURLToPath(new URL("../MODEL.md", import.meta.url));

function readOptionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  }
}

const options = readOptionsOrExit();
if (options.help) {
  process.stdout.write(help());
} else {
  process.stdout.write(`${report(options.changes)}\n`);
  if (options.write) {
    writeFileSync(FILE, page(options.changes));
    process.stdout.write(`\nwritten to ${FILE}\n`);
  }
}
