#!/usr/bin/env bash
# Builds .build/release/ripe with optimisations and the Swift runtime linked in, so that it runs without a toolchain.
# Prints each module as it is reached, and everything that is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "Building ripe (some minutes the first time, on two cores) ..."
swift build --configuration release --static-swift-stdlib --product ripe 2>&1 | awk '
    # A warning about a function inside the Swift runtime that Ripe never calls.
    /mktemp. is dangerous/ { next }
    / Compiling | Emitting module / {
        module = $2 == "Compiling" ? $3 : $4
        if (!(module in seen)) { seen[module] = 1; print "  " module; fflush() }
        next
    }
    /^\[[0-9]+\/[0-9]+\]|^Building for|^Build of product|^Fetching|^Fetched|^Computing|^Computed|^Creating|^Working|^Updating|^Updated/ { next }
    { print; fflush() }'
echo "Built: .build/release/ripe"
