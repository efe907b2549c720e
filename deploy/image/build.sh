#!/bin/sh
# Builds the server, the example page and the dashboard in packages/server, and writes
# rds-certificates.pem. Types are not checked here, because not all type packages are installed.
set -eu
npm ci --ignore-scripts --no-audit --no-fund -w examples/text-editor -w packages/dashboard -w deploy/image
npm run build -w examples/text-editor -w packages/dashboard
node_modules/.bin/tsc -p deploy/image
node deploy/image/src/rds-certificates.ts >rds-certificates.pem
