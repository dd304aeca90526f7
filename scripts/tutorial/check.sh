#!/usr/bin/env bash
# Runs docs/tutorial.md as a reader would (check.py, which says how), in the environment of the Python package's tests.
#
#   scripts/tutorial/check.sh PATH_TO_RIPE WHEEL [options of check.py]
#
# Where the environment cannot be made (no network), it says so and ends well, unless PYTHON_TESTS_REQUIRED is set
# (scripts/python-environment.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 2 ] || { echo "usage: scripts/tutorial/check.sh RIPE WHEEL [options of check.py]" >&2; exit 64; }
ripe=$1
wheel=$2
shift 2
[ -x "$ripe" ] || { echo "$ripe is not there; 'make build' makes it" >&2; exit 1; }
[ -f "$wheel" ] || { echo "$wheel is not there; 'make wheel' makes it" >&2; exit 1; }

python=$("$here/../python-environment.sh")
[ -n "$python" ] || exit 0

site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
"$python" -m pip install --quiet --no-deps --no-index --target "$site" "$wheel"
"$python" "$here/check.py" --ripe "$ripe" --site "$site" "$@"
