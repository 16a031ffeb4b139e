#!/bin/bash
# tests/package/build.sh SUITE: this commit, built and tested in a minimal Debian SUITE, by that Debian's own compilers and
# libraries (trixie: g++ 14, libbpf 1.5, Catch2 3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/support/chroot.sh
source tests/support/chroot.sh
suite=$1
base=build/debian/$suite-build
packages=g++,cmake,ninja-build,pkg-config,git,file,dpkg-dev,libbpf-dev,libelf-dev,zlib1g-dev,libzstd-dev,libfmt-dev,libcli11-dev,nlohmann-json3-dev
packages+=,catch2,clang,bpftool,busybox-static,util-linux

skip() {
  echo "skipped: a build in $suite: $1"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}
lack=$(chroot_lacks)
[ -z "$lack" ] || skip "$lack"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' INT TERM HUP
failed() {
  echo "FAILED: $1"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

if [ ! -d "$base" ]; then
  chroot_reachable "$suite" || skip "no network to make a $suite with"
  chroot_make "$suite" "$base" --include="$packages" 2>"$dir/log" || { cat "$dir/log" && failed "making a $suite"; }
fi
rm -rf "$base/root/flyball"
git clone -q . "$base/root/flyball"
run() { chroot_run "$base" bash -c "cd /root/flyball && $1"; }
# shellcheck disable=SC2016 # for the shell inside
echo "$suite: $(run 'g++ --version | head -1; ld=$(pkg-config --modversion libbpf); echo "libbpf $ld"')"
run 'tools/build release flyball flyball_unit_tests flyball_kernel_tests flyball_fuzzers' || failed "it does not build"
run 'tests/replay/replay.sh build/release/flyball' | tee "$dir/replay"
run build/release/tests/flyball_unit_tests | tee "$dir/unit" | tail -40
awk '/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped/ { p += $1; f += $3; s += $5; n++ }
  END { print p + 1 " passed, " f + (n != 2) " failed, " s + 0 " skipped"; exit f > 0 || n != 2 }' "$dir/replay" "$dir/unit"
