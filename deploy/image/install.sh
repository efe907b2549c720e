#!/bin/sh
# Installs what the server needs at run time, and makes its directory for data. The Node that the
# lock file names as optional is left out: the image has one.
set -eu
npm ci --ignore-scripts --no-audit --no-fund --omit=dev --omit=optional -w packages/server
mkdir data
