#!/usr/bin/env bash
# Everything that `npm test` does: installs the system packages that the tests need, checks the code,
# builds the pages, and runs all tests. Each test starts and stops the services that it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

bash scripts/install.sh
bash scripts/check.sh
npm run --silent build:site
# Many tests wait for other processes, on machines that may stall for seconds. A failed test is retried
# once, and marked with "(retry x1)": investigate it all the same.
vitest run --retry=1 "$@"
