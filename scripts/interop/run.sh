#!/usr/bin/env bash
# Makes the Python environment of the interoperability check on the first run, then checks that PyTorch, timm, Keras,
# h5py, safetensors and NumPy load what `ripe convert` writes, and compute the same with it.
#
#   scripts/interop/run.sh PATH_TO_RIPE [options of check.py]
#
# Where the packages do not install (no network), it says so and ends well, unless INTEROP_REQUIRED is set.
# PYTHON names an interpreter that has the packages already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$root/.venv-interop
python=${PYTHON:-$venv/bin/python}

if [ -z "${PYTHON:-}" ] && ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
    echo "Making $venv with PyTorch, timm and Keras (once; some minutes) ..."
    if ! { python3 -m venv "$venv" && timeout 900 "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"; }
    then
        echo "SKIPPED: the packages of $here/requirements.txt do not install here" >&2
        [ -z "${INTEROP_REQUIRED:-}" ] || exit 1
        exit 0
    fi
    cp "$here/requirements.txt" "$venv/installed.txt"
fi
exec "$python" "$here/check.py" --ripe "$@"
