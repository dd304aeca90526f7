#!/usr/bin/env bash
# Builds the Python wheel: the package's Python code and a libripe.so. It works on Python 3.9 and newer, on this kind of machine.
#
#   scripts/wheel.sh LIBRIPE OUTDIR
#
# PYTHON names an interpreter with pip; by default python3, or an environment made for this where python3 has no pip.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
[ $# -eq 2 ] || { echo "usage: scripts/wheel.sh LIBRIPE OUTDIR" >&2; exit 64; }
library=$1
out=$2
[ -f "$library" ] || { echo "$library is not there; build the library first" >&2; exit 1; }

python=${PYTHON:-python3}
if ! "$python" -m pip --version >/dev/null 2>&1; then
    python=$root/.venv-wheel/bin/python
    if [ ! -x "$python" ] && ! python3 -m venv "$root/.venv-wheel"; then
        echo "Building the wheel needs pip or venv: 'apt-get install python3-venv' brings it" >&2
        exit 1
    fi
fi

# Built from a copy, so that the sources stay free of the library and of what setuptools leaves behind.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$root/Sources/tools/plugin/python/." "$work"
rm -rf "$work/build" "$work/src/"*.egg-info
mkdir -p "$work/src/ripe/lib" "$out"
cp "$library" "$work/src/ripe/lib/libripe.so"
find "$work" -name __pycache__ -prune -exec rm -rf {} +
rm -f "$out"/ripe-*.whl
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$out" "$work"
ls "$out"/ripe-*.whl
