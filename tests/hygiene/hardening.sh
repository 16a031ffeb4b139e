#!/bin/bash
# tests/hygiene/hardening.sh [ROOT]: the programs are hardened as cmake/Hardening.cmake asks for, and link nothing that ties a
# package to one release of Debian. Uses $FLYBALL_BUILD or build/release, which has to be built, without sanitizers.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
build=${FLYBALL_BUILD:-build/release}

skip() {
  echo "skipped: hardening: $1"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}
command -v readelf >/dev/null || skip "readelf is not installed"
for program in flyball flyball-workload; do
  [ -x "$build/$program" ] || skip "there is no $build/$program (tools/build)"
done
if grep -qE '^(FLYBALL_SANITIZE:[A-Z]*=.|CMAKE_BUILD_TYPE:[A-Z]*=Debug)' "$build/CMakeCache.txt"; then
  skip "$build is not a release: nothing is fortified there"
fi

passed=0 failed=0
verdict() { # STATUS NAME
  if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $2"; fi
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# lacks FILE: what it lacks, one a line.
lacks() {
  readelf -hlWd "$1" >"$dir/elf"
  readelf --dyn-syms -W "$1" | awk '$7 == "UND" { print $8 }' >"$dir/undefined"
  grep -qE 'Type: +DYN .*Position-Independent Executable' "$dir/elf" || echo "PIE"
  grep -q 'GNU_RELRO' "$dir/elf" || echo "relro"
  grep -qE 'FLAGS_1.*NOW' "$dir/elf" || echo "immediate binding"
  if grep -qE 'GNU_STACK.* RWE ' "$dir/elf"; then echo "a stack that is not executable"; fi
  grep -q '^__stack_chk_fail@' "$dir/undefined" || echo "a stack protector"
  # Of the C library's functions those with a checked form that nearly every program calls.
  grep -qE '^__[a-z]+_chk@' "$dir/undefined" || echo "fortified functions"
}

# The check itself has to see what it is for.
if compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt") && [ -x "$compiler" ]; then
  echo 'int main() {}' | "$compiler" -x c++ -no-pie -fno-pie -Wl,-z,norelro,-z,lazy,-z,execstack -o "$dir/soft" - 2>/dev/null
  seen=$(lacks "$dir/soft" | wc -l)
  status=0
  [ "$seen" = 6 ] || status=1
  verdict "$status" "a program with none of it lacks 6, not $seen"
fi
for program in flyball flyball-workload; do
  missing=$(lacks "$build/$program")
  status=0
  [ -z "$missing" ] || status=1
  verdict "$status" "$program lacks: ${missing//$'\n'/, }"
  # libfmt has another name in each release of Debian.
  needed=$(readelf -dW "$build/$program" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
  unknown=$(grep -vE '^(libbpf\.so\.1|libelf\.so\.1|libz\.so\.1|libzstd\.so\.1|libstdc\+\+\.so\.6|libgcc_s\.so\.1|lib[cm]\.so\.6|ld-linux-.*)$' <<<"$needed" || true)
  status=0
  if [ -z "$needed" ] || [ -n "$unknown" ]; then status=1; fi
  verdict "$status" "$program needs libraries that not every release has: $unknown"
done

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
