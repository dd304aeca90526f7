#!/usr/bin/env bash
# Builds .build/plugin/libripe.so with optimisations and the Swift runtime linked in, so that it runs without a toolchain.
# Only the functions of ripe.h are visible from outside.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=.build/plugin
mkdir -p "$out"
printf '{ global: ripe_*; local: *; };\n' >"$out/symbols.map"

echo "Building libripe.so (some minutes the first time, on two cores) ..."
swift build --configuration release --static-swift-stdlib --target Commands 2>&1 |
    awk '/error:|warning:/ && !/mktemp. is dangerous/ { print; fflush() }'

# The package manager links a static Swift runtime into programs only, so the library is linked here.
objects=(.build/release/{Commands,Analyzer,Engine,Formats,Mustache,ArgumentParser,ArgumentParserToolInfo}.build
    .build/release/{CKernels,COneDNN,CISAL,CPNG}.build)

find "${objects[@]}" -name '*.o' | LC_ALL=C sort >"$out/objects.list"
# shellcheck disable=SC2046  # pkg-config's words are words
swiftc -emit-library -static-stdlib -O -o "$out/libripe.so.new" @"$out/objects.list" \
    $(pkg-config --libs hdf5) -lpng16 -lisal -ldeflate -ldnnl -lgomp \
    -Xlinker --gc-sections -Xlinker --version-script="$out/symbols.map" -Xlinker -soname=libripe.so 2>&1 |
    awk '!/mktemp. is dangerous/ { print; fflush() }'
# With the functions' names, for valgrind; it cannot read the debug information.
mkdir -p "$out/symbols"
strip --strip-debug -o "$out/symbols/libripe.so" "$out/libripe.so.new"
strip --strip-unneeded "$out/libripe.so.new"
mv "$out/libripe.so.new" "$out/libripe.so"
echo "Built: $out/libripe.so"
