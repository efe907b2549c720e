#!/bin/sh
# Installs the server's runtime dependencies, and creates its data directory. The optional Node in the
# lock file is omitted, because the image has its own.
set -eu
npm ci --ignore-scripts --no-audit --no-fund --omit=dev --omit=optional -w packages/server
mkdir data
