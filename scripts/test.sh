#!/usr/bin/env bash
# Everything that `npm test` does: installs what the tests need of the system, checks the code,
# builds the example, and runs all tests. Every service that a test needs, the test starts and stops.
set -euo pipefail
cd "$(dirname "$0")/.."

bash scripts/install.sh

biome check .
tsc --noEmit -p tsconfig.json
tsc --noEmit -p examples/text-editor/tsconfig.json
tsc --noEmit -p packages/dashboard/tsconfig.json
tsc --noEmit -p deploy/aws/tsconfig.json
npm run --silent build -w symphony-backend
tsc --noEmit -p examples/express/tsconfig.json
tsc --noEmit -p examples/fastify/tsconfig.json
npm run --silent docs
npm run --silent build:site
vitest run "$@"
