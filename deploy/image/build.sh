#!/bin/sh
# Builds the example page into packages/server/site, and writes rds-certificates.pem.
set -eu
npm ci --ignore-scripts --no-audit --no-fund -w examples/text-editor -w deploy/image
npm run build -w examples/text-editor
node deploy/image/src/rds-certificates.ts >rds-certificates.pem
