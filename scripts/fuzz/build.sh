#!/usr/bin/env bash
# Builds .build/fuzz/ripe-fuzz: the readers (Formats, Engine) and the fuzz targets with libFuzzer's coverage counters
# and AddressSanitizer, optimised but with every trap of Swift in place.
#
# Not through the Swift package manager: a sanitizer with its own `main` has no place in the ordinary build.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=.build/fuzz
mkdir -p "$out"
read -ra hdf5 <<<"$(pkg-config --cflags --libs hdf5)"
includes=(-I Sources/System/CHDF5 -I Sources/System/CDeflate -I "$out")
for flag in "${hdf5[@]}"; do [[ $flag != -I* ]] || includes+=(-Xcc "$flag"); done
for module in CISAL CPNG COneDNN CKernels; do
    includes+=(-I "$out/$module")
    mkdir -p "$out/$module"
    header=$PWD/Sources/System/$module/include/$module.h
    printf 'module %s { header "%s" export * }\n' "$module" "$header" >"$out/$module/module.modulemap"
    for source in Sources/System/"$module"/*.c; do
        clang -O2 -g -DNDEBUG -std=c11 -fsanitize=address,fuzzer-no-link -I "Sources/System/$module/include" \
            -c "$source" -o "$out/$module/$(basename "$source" .c).o"
    done
done

swift=(swiftc -swift-version 6 -enable-upcoming-feature InternalImportsByDefault -O -whole-module-optimization
    -gline-tables-only -sanitize=fuzzer,address -parse-as-library "${includes[@]}")
module() {
    local sources
    mapfile -t sources < <(find "Sources/$1" -name '*.swift' | sort)
    echo "  $1"
    "${swift[@]}" -enable-testing -emit-module -emit-module-path "$out/$1.swiftmodule" -module-name "$1" \
        -c "${sources[@]}" -o "$out/$1.o"
}
echo "Building the fuzz targets (some minutes) ..."
module Formats
module Engine
echo "  targets"
"${swift[@]}" -module-name RipeFuzz scripts/fuzz/*.swift "$out"/Formats.o "$out"/Engine.o "$out"/C*/*.o \
    "${hdf5[@]/#-I*/}" -lpng16 -lisal -ldnnl -lgomp -use-ld=lld -o "$out/ripe-fuzz"
echo "Built: $out/ripe-fuzz"
