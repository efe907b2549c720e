#!/usr/bin/env bash
# Everything that `npm test` does: installs what the tests need of the system, checks the code,
# builds the pages, and runs all tests. Every service that a test needs, the test starts and stops.
set -euo pipefail
cd "$(dirname "$0")/.."

bash scripts/install.sh
bash scripts/check.sh
npm run --silent build:site
# Many tests wait for what other processes do, on machines that may stand still for seconds. What
# fails is tried once more, and marked with "(retry x1)": a defect to look for all the same.
vitest run --retry=1 "$@"
