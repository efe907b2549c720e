import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

// Runs before the package is packed, and completes what it consists of.

const root = fileURLToPath(new URL("../../../", import.meta.url));
const server = `${root}packages/server/`;

for (const built of ["site", "dashboard"]) {
  if (!existsSync(`${server}${built}/index.html`)) {
    throw new Error(`${built}/ is not built; run \`npm run build:site\` first`);
  }
}
rmSync(`${server}dist`, { recursive: true, force: true });
// What it prints must not mix with what `npm pack` says.
execFileSync("npm", ["run", "--silent", "build"], { cwd: server, stdio: ["ignore", 2, 2] });
for (const file of ["README.md", "LICENSE"]) copyFileSync(root + file, server + file);
