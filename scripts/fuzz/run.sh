#!/usr/bin/env bash
# Runs the fuzz targets one after another and prints a table: what `make fuzz` does.
#
#   FUZZ_SECONDS=600           how long each target runs
#   FUZZ_TARGETS="hdf5 png"    only these
#
# Corpora grow in .build/fuzz/corpus, findings lie in .build/fuzz/findings. The exit code is 1 when there is any.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${FUZZ_SECONDS:-600}
out=.build/fuzz
binary=$out/ripe-fuzz
all=$(RIPE_FUZZ_TARGET=list "$binary" 2>/dev/null | sed 's/.*: //' || true)
targets=${FUZZ_TARGETS:-$all}

export SWIFT_BACKTRACE=enable=no
# libhdf5 keeps free lists until the process ends, so leaks are not looked for. Memory that a file merely claims is
# found by the limits below.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=0:symbolize=1
symbolizer=$(dirname "$(readlink -f "$(command -v swiftc)")")/llvm-symbolizer
[ ! -x "$symbolizer" ] || export ASAN_SYMBOLIZER_PATH=$symbolizer

# The longest input of each target: room for its structures, not for bulk.
longest() {
    case $1 in
        hdf5 | keras-archive) echo 49152 ;;
        onnx) echo 24576 ;;
        keras-config | pytorch-zip | zip) echo 16384 ;;
        *) echo 8192 ;;
    esac
}

echo "Seeds:"
python3 scripts/fuzz/seeds.py "$out/seeds"
rows=()
failed=0
for target in $targets; do
    mkdir -p "$out/corpus/$target" "$out/findings/$target" "$out/logs"
    log=$out/logs/$target.log
    # Earlier findings are tried first: they are found again unless they were mended.
    find "$out/findings/$target" -type f -exec mv -t "$out/corpus/$target" {} +
    dictionary=scripts/fuzz/dictionaries/$target.dict
    options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512
        -max_len="$(longest "$target")" -use_value_profile=1 -print_final_stats=1
        -artifact_prefix="$out/findings/$target/")
    [ ! -f "$dictionary" ] || options+=(-dict="$dictionary")
    echo "Fuzzing $target for $seconds s ..."
    began=$SECONDS
    RIPE_FUZZ_TARGET=$target "$binary" "${options[@]}" "$out/corpus/$target" "$out/seeds/$target" >"$log" 2>&1 || true
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
    found=$(find "$out/findings/$target" -type f | wc -l)
    [ "$found" = 0 ] && [ -n "$executions" ] || failed=1
    rows+=("$(printf '%-16s %7d %12s %9s %9d' "$target" $((SECONDS - began)) "${executions:-stopped}" "${coverage:-?}" "$found")")
done

printf '\n%-16s %7s %12s %9s %9s\n' target seconds executions coverage findings
printf '%s\n' "${rows[@]}"
if [ "$failed" = 1 ]; then
    printf '\nInputs that made a reader crash, hang or take too much memory:\n'
    for target in $targets; do find "$out/findings/$target" -type f -printf '  %p\n'; done
    printf 'Repeat one with: RIPE_FUZZ_TARGET=NAME %s FILE (logs: %s/logs)\n' "$binary" "$out"
fi
exit "$failed"
