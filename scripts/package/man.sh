#!/usr/bin/env bash
# Makes the man pages, one a command, in .build/man: by the generator of swift-argument-parser, from the text of --help.
#
# The package's plugin would build and run the generator in one step, but waits for ever where its sandbox cannot be made.
set -euo pipefail
cd "$(dirname "$0")/../.."
ripe=${1:-.build/release/ripe}
swift build --product generate-manual >/dev/null
rm -rf .build/man
mkdir -p .build/man
.build/debug/generate-manual "$ripe" --multi-page --output-directory .build/man \
    --date "$(git log -1 --format=%cs 2>/dev/null || echo 2026-01-01)"
# "ripe watch" is looked for as ripe-watch.
for page in .build/man/ripe.*.1; do
    name=$(basename "$page" .1)
    mv "$page" ".build/man/${name//./-}.1"
done
echo "Made: .build/man ($(ls .build/man | wc -l) pages)"
