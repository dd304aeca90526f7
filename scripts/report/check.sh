#!/usr/bin/env bash
# Loads reports in headless Chromium: no errors on the console, every element there, nothing wider than its window.
#
#   scripts/report/check.sh REPORT.html...             checks, and leaves screenshots beside each report
#   scripts/report/check.sh --ripe PATH_TO_RIPE        makes reports of the example checkpoints first, in a temporary folder
#
# CHROMIUM names the browser. Without one it says so and ends well, unless REPORT_REQUIRED is set.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$browser" ]; then
    echo "SKIPPED: there is no chromium here (Debian: apt-get install chromium)" >&2
    [ -z "${REPORT_REQUIRED:-}" ] || exit 1
    exit 0
fi

if [ "${1:-}" = --ripe ]; then
    ripe=$2
    made=$(mktemp -d)
    trap 'rm -rf "$made"' EXIT
    "$ripe" run "$root/fixtures/checkpoints/pytorch" --target "$root/fixtures/target" --image-size 64 --epochs 2 --batch 8 \
        --validation 0.25 --decoder-channels 16,16,8,8,8 --no-cache --out "$made/run" >/dev/null
    "$ripe" score "$root/fixtures/checkpoints/lightning" --target "$root/fixtures/target" --image-size 32 --level all \
        --distance cosine,l2 --pooling flat,pooled --no-cache --out "$made/score" >/dev/null
    python3 "$here/check.py" --browser "$browser" --all "$made/run/report.html"
    python3 "$here/check.py" --browser "$browser" "$made/score/report.html"
else
    python3 "$here/check.py" --browser "$browser" "$@"
fi
