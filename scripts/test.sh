#!/usr/bin/env bash
# Everything that `npm test` does: installs what the tests need of the system, checks the code,
# builds the example, and runs all tests. Every service that a test needs, the test starts and stops.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v chromium >/dev/null || missing+=(chromium)
# The compiler builds the library that makes disk operations fail on purpose.
{ command -v gcc >/dev/null && [ -e /usr/include/stdio.h ]; } || missing+=(gcc libc6-dev)
if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

biome check .
tsc --noEmit -p tsconfig.json
tsc --noEmit -p examples/text-editor/tsconfig.json
npm run --silent build:site
vitest run "$@"
