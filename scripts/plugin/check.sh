#!/usr/bin/env bash
# Compiles the example against libripe.so and runs it: alone, and under valgrind for errors and leaks (about a minute).
#
#   scripts/plugin/check.sh [.build/plugin/libripe.so]
set -euo pipefail
cd "$(dirname "$0")/../.."
library=$(realpath "${1:-.build/plugin/libripe.so}")

compiler=$(command -v cc || command -v clang)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for standard in c99 c11; do
    "$compiler" -std=$standard -Wall -Wextra -Wpedantic -Werror -O1 -g -I Sources/tools/plugin/include Tests/Plugin/example.c \
        -o "$work/example" "$library" -Wl,--enable-new-dtags,-rpath,"$(dirname "$library")"
done
"$compiler" -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ Sources/tools/plugin/include/ripe.h

arguments=(fixtures/target "$work/cache" fixtures/checkpoints/pytorch/model_state_dict_epoch_{1,3}.pt)
echo "The example:"
"$work/example" "${arguments[@]}"
if ! command -v valgrind >/dev/null; then
    echo "Skipped: valgrind is not installed (apt-get install valgrind)"
    exit 0
fi
rm -rf "$work/cache"
echo "Under valgrind (definite leaks and errors fail):"
# Waiting OpenMP threads spin, which valgrind runs one at a time: let them sleep.
LD_LIBRARY_PATH="$(dirname "$library")/symbols" OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 valgrind --quiet --error-exitcode=77 --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite --suppressions=scripts/plugin/valgrind.supp "$work/example" "${arguments[@]}"
echo "No error, no leak."
