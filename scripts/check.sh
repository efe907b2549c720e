#!/usr/bin/env bash
# Checks the code without running it: format, rules, types, and the reference of the library.
set -euo pipefail
cd "$(dirname "$0")/.."

biome check .
# The examples know the package as applications do: by its built types.
npm run --silent build -w symphony-backend
for project in . packages/dashboard deploy/aws examples/{text-editor,rich-text-editor,express,fastify,agent}; do
  tsc --noEmit -p "$project/tsconfig.json"
done
npm run --silent docs
