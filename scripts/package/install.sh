#!/usr/bin/env bash
# Installs what was built: the program, libripe.so with its header, man pages and shell completions.
#
#   scripts/package/install.sh PREFIX [DESTDIR]      PREFIX such as /usr/local; DESTDIR stands before it when packaging
set -euo pipefail
cd "$(dirname "$0")/../.."
prefix=${1:?usage: scripts/package/install.sh PREFIX [DESTDIR]}
to=${2:-}$prefix
ripe=.build/release/ripe
library=.build/plugin/libripe.so
man=.build/man
for needed in "$ripe" "$library" "$man/ripe.1"; do
    [ -e "$needed" ] || { echo "$needed is missing: 'make install' builds it first" >&2; exit 1; }
done

install -D -m 755 "$ripe" "$to/bin/ripe"
install -D -m 644 "$library" "$to/lib/libripe.so"
install -D -m 644 Sources/tools/plugin/include/ripe.h "$to/include/ripe.h"
for page in "$man"/*.1; do install -D -m 644 "$page" "$to/share/man/man1/$(basename "$page")"; done
completion() {
    install -d "$(dirname "$2")"
    "$ripe" --generate-completion-script "$1" >"$2"
}
completion bash "$to/share/bash-completion/completions/ripe"
completion zsh "$to/share/zsh/vendor-completions/_ripe"
completion fish "$to/share/fish/vendor_completions.d/ripe.fish"
echo "Installed under $to: bin/ripe, lib/libripe.so, include/ripe.h, $(ls "$man"/*.1 | wc -l) man pages, completions for bash, zsh and fish"
