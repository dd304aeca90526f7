#!/usr/bin/env bash
# Tests the Python package: installs the wheel into an environment with the trainers, then runs Tests/Python.
#
#   scripts/python-tests.sh WHEEL [modules of Tests/Python, such as test_session test_lightning]
#
# The environment is that of scripts/python-environment.sh, which says what PYTHON and PYTHON_TESTS_REQUIRED do. Where it
# cannot be made (no network), the tests are skipped.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
tests=$root/Tests/Python
[ $# -ge 1 ] || { echo "usage: scripts/python-tests.sh WHEEL [modules]" >&2; exit 64; }
wheel=$1
shift
[ -f "$wheel" ] || { echo "$wheel is not there; 'make wheel' makes it" >&2; exit 1; }

python=$("$here/python-environment.sh")
[ -n "$python" ] || exit 0

# Into a folder of its own, so that the environment stays as the requirements make it.
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
"$python" -m pip install --quiet --no-deps --no-index --target "$site" "$wheel"
export PYTHONPATH=$site
cd "$tests"
if [ $# -eq 0 ]; then
    exec_arguments=(discover --verbose --start-directory "$tests" --top-level-directory "$tests")
else
    exec_arguments=(--verbose "$@")
fi
"$python" -W ignore::DeprecationWarning -m unittest "${exec_arguments[@]}"
