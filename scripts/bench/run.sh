#!/usr/bin/env bash
# Makes the benchmark's Python environment on the first run, then measures.
#
#   scripts/bench/run.sh PATH_TO_RIPE [options of bench.py]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$root/.venv-bench

if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
    echo "Making $venv with PyTorch and torchvision (once; some minutes) ..."
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/installed.txt"
fi
exec "$venv/bin/python" "$here/bench.py" --ripe "$@"
