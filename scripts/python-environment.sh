#!/usr/bin/env bash
# Makes .venv-python, the Python environment with PyTorch, Lightning, Keras and Transformers, on the first run and when
# Tests/Python/requirements.txt changed. Prints the path of its interpreter.
#
#   python=$(scripts/python-environment.sh)
#   [ -n "$python" ] || exit 0
#
# Where the packages do not install (no network), it says so, prints nothing and ends well, unless PYTHON_TESTS_REQUIRED is
# set. PYTHON names an interpreter that has the packages already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
requirements=$root/Tests/Python/requirements.txt
venv=$root/.venv-python

if [ -n "${PYTHON:-}" ]; then
    echo "$PYTHON"
    exit 0
fi
if ! cmp -s "$requirements" "$venv/installed.txt"; then
    echo "Making $venv with PyTorch, Lightning, Keras and Transformers (once; some minutes) ..." >&2
    if ! { python3 -m venv "$venv" && timeout 1500 "$venv/bin/pip" install --quiet --requirement "$requirements"; } >&2
    then
        echo "SKIPPED: the packages of Tests/Python/requirements.txt do not install here" >&2
        [ -z "${PYTHON_TESTS_REQUIRED:-}" ] || exit 1
        exit 0
    fi
    if ! "$venv/bin/python" -c "import torchvision" 2>/dev/null; then
        packages=$("$venv/bin/python" -c "import site; print(site.getsitepackages()[0])")
        cp "$here/torchvision_without_cuda.py" "$packages/sitecustomize.py"
    fi
    cp "$requirements" "$venv/installed.txt"
fi
echo "$venv/bin/python"
