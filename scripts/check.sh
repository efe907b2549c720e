#!/usr/bin/env bash
# Checks the code without running it: format, rules, types, and the reference of the library.
set -euo pipefail
cd "$(dirname "$0")/.."

biome check .
# The examples see the package as applications do: through its built types.
npm run --silent build -w symphony-backend
for project in . packages/dashboard deploy/aws examples/{text-editor,rich-text-editor,express,fastify,agent}; do
  echo "$project/tsconfig.json"
done | xargs -P 2 -n 1 tsc --noEmit -p
npm run --silent docs
