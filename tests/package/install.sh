#!/bin/bash
# tests/package/install.sh SUITE [BUILD]: the Debian package of BUILD (build/release) in a minimal Debian SUITE (bookworm, trixie):
# apt installs it, it runs, and nothing is left of it when it is purged. The minimal Debian is made once, below build/debian/; with
# it, no network is needed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/support/chroot.sh
source tests/support/chroot.sh
suite=$1 build=${2:-build/release}
base=build/debian/$suite

skip() {
  echo "skipped: package in $suite: $1"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}
passed=0 failed=0 skipped=0
check() { # NAME CMD...
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $name"; fi
}
lack=$(chroot_lacks)
[ -z "$lack" ] || skip "$lack"
[ -x "$build/flyball" ] || skip "there is no $build/flyball (tools/build)"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' INT TERM HUP
if ! cpack --config "$build/CPackConfig.cmake" -G DEB -B "$dir/pack" >"$dir/log" 2>&1; then
  cat "$dir/log"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
deb=$(find "$dir/pack" -maxdepth 1 -name '*.deb')

# --- the minimal Debian, with what the package depends on downloaded, not installed ---------------------------------------
depends=$(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed -E 's/^ *([^ ]+).*/\1/' | sort)
if [ "$(cat "$base/root/depends" 2>/dev/null)" != "$depends" ]; then
  chroot_reachable "$suite" || skip "no network to make a $suite with"
  # shellcheck disable=SC2016,SC2086 # for mmdebstrap's shell; a word each
  if ! chroot_make "$suite" "$base" --customize-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq -y --download-only install '"${depends//$'\n'/ }" \
    --customize-hook="echo '$depends' >\"\$1/root/depends\"" 2>"$dir/log"; then
    cat "$dir/log"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
  fi
fi
root=$dir/root
cp -a --reflink=auto "$base" "$root"
cp "$deb" "$root/root/flyball.deb"
cp tests/replay/shop-before.fbr "$root/root/"
run() { chroot_run "$root" "$@"; }
quietly() { "$@" >"$dir/log" 2>&1 || { cat "$dir/log" && return 1; }; }
echo "$suite: $(run cat /etc/debian_version), $(du -sh "$base" | cut -f1)"

# --- installed ------------------------------------------------------------------------------------------------------------
apt=(apt-get -qq -y -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0)
check "apt installs it and what it depends on" quietly run "${apt[@]}" install /root/flyball.deb
if [ "$failed" -gt 0 ]; then
  echo "$passed passed, $failed failed, 0 skipped"
  exit 1
fi
check "dpkg finds nothing changed or missing" quietly run dpkg --verify flyball
check "every library is there" bash -c '! grep -i "not found"' < <(run ldd /usr/bin/flyball /usr/bin/flyball-workload)
check "--version is that of the build" [ "$(run flyball --version)" = "$("$build/flyball" --version)" ]
for verb in report explain; do
  run flyball "$verb" /root/shop-before.fbr >"$dir/inside" 2>&1 || true
  "$build/flyball" "$verb" tests/replay/shop-before.fbr >"$dir/outside" 2>&1 || true
  check "$verb says of a recording what it says here" cmp "$dir/inside" "$dir/outside"
  check "$verb says something" [ "$(wc -l <"$dir/inside")" -gt 10 ]
done
check "an example is a valid specification" quietly run flyball calibrate validate /usr/share/doc/flyball/examples/clawos/clawos.json
truth=$(run flyball-workload alloc 4 --touch)
check "flyball-workload does what it says: $truth" grep -q '"verb":"alloc","bytes":4194304,' <<<"$truth"
check "a page for flyball and for flyball-workload" quietly run gzip -t /usr/share/man/man1/flyball.1.gz /usr/share/man/man1/flyball-workload.1.gz
if [ -r /sys/kernel/btf/vmlinux ]; then
  status=0
  run flyball doctor >"$dir/doctor" 2>&1 || status=$?
  # 3: something that this kernel or this container lacks.
  if [ "$status" != 0 ] && [ "$status" != 3 ]; then cat "$dir/doctor"; fi
  check "doctor ends with 0 or 3, not $status" [ "$status" = 0 -o "$status" = 3 ]
  check "doctor tells the kernel" grep -qF "$(uname -r)" "$dir/doctor"
else
  skipped=$((skipped + 1))
  echo "skipped: flyball doctor: this kernel has no /sys/kernel/btf/vmlinux"
fi

# --- gone -----------------------------------------------------------------------------------------------------------------
check "apt purges it" quietly run "${apt[@]}" purge flyball
rm "$root/root/flyball.deb"
left=$(find "$root" -xdev -name '*flyball*' -printf '/%P ')
check "nothing is left of it, but: $left" [ -z "$left" ]
check "nothing is mounted" [ "$(grep -cF "$dir" /proc/self/mountinfo)" = 0 ]

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
