#!/usr/bin/env bash
# Builds dist/ripe_VERSION_ARCH.deb, which installs on a Debian or Ubuntu of the same release without Swift.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(.build/release/ripe --version)
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
scripts/package/install.sh /usr "$root"
strip --strip-unneeded "$root/usr/bin/ripe" "$root/usr/lib/libripe.so"
# Debian keeps libraries in a folder for each architecture.
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
install -d "$root/usr/lib/$triplet"
mv "$root/usr/lib/libripe.so" "$root/usr/lib/$triplet/libripe.so"
find "$root/usr/share/man" -name '*.1' -exec gzip -9n {} +
install -D -m 644 LICENSE "$root/usr/share/doc/ripe/copyright"
gzip -9nc CHANGELOG.md >"$root/usr/share/doc/ripe/changelog.gz"

# The packages of the libraries that the files need, as this release of Debian names them.
mkdir -p "$work/debian" "$root/DEBIAN"
printf 'Source: ripe\n\nPackage: ripe\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -l"$root/usr/lib/$triplet" \
    "$root/usr/bin/ripe" "$root/usr/lib/$triplet/libripe.so" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "dpkg-shlibdeps found no dependencies; it is in the package dpkg-dev" >&2; exit 1; }
cat >"$root/DEBIAN/control" <<CONTROL
Package: ripe
Version: $version
Architecture: $architecture
Maintainer: The Ripe authors <ripe@localhost>
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: $depends
Section: science
Priority: optional
Description: scores and fine-tunes pretraining checkpoints for medical image segmentation
 Ripe scores a folder of pretraining checkpoints on target images, without labels, says which one to take and how
 sure that is, and fine-tunes only that one. It also converts weights between the formats of PyTorch, timm, Keras
 and safetensors. With the C library libripe.so.
CONTROL
mkdir -p dist
# Equal content gives equal bytes: no times but that of the last commit.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH
dpkg-deb --root-owner-group --build "$root" "dist/ripe_${version}_${architecture}.deb" >/dev/null
echo "Built: dist/ripe_${version}_${architecture}.deb"
