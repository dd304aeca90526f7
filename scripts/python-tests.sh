#!/usr/bin/env bash
# Tests the Python package: installs the wheel into an environment with the trainers, then runs Tests/Python.
#
#   scripts/python-tests.sh WHEEL [modules of Tests/Python, such as test_session test_lightning]
#
# The environment, .venv-python, is made on the first run. Where the packages do not install (no network), it says so and
# ends well, unless PYTHON_TESTS_REQUIRED is set. PYTHON names an interpreter that has the packages already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
tests=$root/Tests/Python
[ $# -ge 1 ] || { echo "usage: scripts/python-tests.sh WHEEL [modules]" >&2; exit 64; }
wheel=$1
shift
[ -f "$wheel" ] || { echo "$wheel is not there; 'make wheel' makes it" >&2; exit 1; }

venv=$root/.venv-python
python=${PYTHON:-$venv/bin/python}
if [ -z "${PYTHON:-}" ] && ! cmp -s "$tests/requirements.txt" "$venv/installed.txt"; then
    echo "Making $venv with PyTorch, Lightning, Keras and Transformers (once; some minutes) ..."
    if ! { python3 -m venv "$venv" && timeout 1500 "$venv/bin/pip" install --quiet --requirement "$tests/requirements.txt"; }
    then
        echo "SKIPPED: the packages of Tests/Python/requirements.txt do not install here" >&2
        [ -z "${PYTHON_TESTS_REQUIRED:-}" ] || exit 1
        exit 0
    fi
    cp "$tests/requirements.txt" "$venv/installed.txt"
fi

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
