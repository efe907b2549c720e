#!/bin/sh
# Builds the example page and the dashboard into packages/server, and writes rds-certificates.pem.
set -eu
npm ci --ignore-scripts --no-audit --no-fund -w examples/text-editor -w packages/dashboard -w deploy/image
npm run build -w examples/text-editor -w packages/dashboard
node deploy/image/src/rds-certificates.ts >rds-certificates.pem
