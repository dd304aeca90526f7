#!/usr/bin/env bash
# Installs the system libraries that Ripe links against, where they are missing (Debian and Ubuntu).
#
#   scripts/install-deps.sh            what the build needs
#   scripts/install-deps.sh bench      also what `make bench` needs, and all else that makes a Python environment
#   scripts/install-deps.sh plugin     also what `make test-plugin` needs
#
# It says what it installs and why, uses sudo when not root, and touches neither the network nor the package
# database when everything is there.
set -euo pipefail

# package | why
packages=(
    "libhdf5-dev|reads Keras files (.h5, .weights.h5, .keras), which are HDF5"
    "libpng-dev|reads and writes PNG images"
    "libdeflate-dev|inflates .nii.gz volumes and compressed zip members"
    "libisal-dev|compresses .nii.gz volumes"
    "libdnnl-dev|oneDNN: runs the networks' convolutions"
    "pkg-config|tells the Swift package manager where the libraries are"
)
if [ -n "${1:-}" ] && ! python3 -c "import venv, ensurepip" 2>/dev/null; then
    packages+=("python3-venv|makes the Python environment that is compared and tested with")
fi
if [ "${1:-}" = plugin ]; then packages+=("valgrind|looks for leaks and errors in libripe.so"); fi

if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian or Ubuntu, so nothing is installed. The build needs:" >&2
    printf '  %s\n' "${packages[@]/|/: }" >&2
    exit 0
fi

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for entry in "${packages[@]}"; do
    name=${entry%%|*}
    # Newer releases provide pkg-config by the package pkgconf.
    if is_installed "$name" || { [ "$name" = pkg-config ] && command -v pkg-config >/dev/null; }; then continue; fi
    [ ${#missing[@]} -gt 0 ] || echo "Ripe needs system packages that this machine lacks:"
    printf '  %-16s %s\n' "$name" "${entry#*|}"
    missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Installing them needs root and there is no sudo. Ask an administrator to run:" >&2
        echo "  apt-get update && apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "Installing them with apt${as_root[0]:+ through sudo} ..."
# Quiet, but an error still shows.
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "Installed: ${missing[*]}"
