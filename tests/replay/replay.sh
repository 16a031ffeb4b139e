#!/bin/bash
# tests/replay/replay.sh FLYBALL: a recording of a real 6.12 (tests/replay/shop-before.fbr) gives the committed report to the byte,
# the same twice, and a damaged one gives one clear line. UPDATE_GOLDEN=1 rewrites the expected report.
set -uo pipefail
flyball=$(readlink -f "${1:?the flyball binary}")
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 2
readonly RECORDING=shop-before.fbr EXPECTED=shop-before.txt
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
check() { # NAME CMD...
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $name"; fi
}
# complains STATUS TEXT CMD...: exits with it, says the text in one line on stderr, and prints no report.
complains() {
  local status=$1 text=$2
  shift 2
  "$@" >"$dir/out" 2>"$dir/err"
  [ $? = "$status" ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" = 1 ] && grep -qF -- "$text" "$dir/err" && return
  echo "wanted $status and '$text', got: $(cat "$dir/err")"
  return 1
}

"$flyball" report "$RECORDING" >"$dir/a.txt" || failed=$((failed + 1))
[ -z "${UPDATE_GOLDEN:-}" ] || cp "$dir/a.txt" "$EXPECTED"
"$flyball" report "$RECORDING" >"$dir/b.txt"
"$flyball" report "$RECORDING" -j >"$dir/a.json"
"$flyball" report "$RECORDING" -j >"$dir/b.json"
check "there is a report" test -s "$dir/a.txt"
check "it is the expected one" diff -u "$EXPECTED" "$dir/a.txt"
check "the same bytes twice, text" cmp "$dir/a.txt" "$dir/b.txt"
check "the same bytes twice, JSON" cmp "$dir/a.json" "$dir/b.json"
# shellcheck disable=SC2016 # for awk
check "80 columns" awk 'length($0) > 80 { bad = 1; print } END { exit bad }' "$dir/a.txt"
check "the JSON names its schema" grep -q '"schema": *"flyball.report/1"' "$dir/a.json"

size=$(stat -c %s "$RECORDING")
head -c $((size - 5)) "$RECORDING" >"$dir/cut.fbr"
check "a cut recording" complains 2 "truncated at byte" "$flyball" report "$dir/cut.fbr"
check "a cut recording can be salvaged" test -n "$("$flyball" report --salvage "$dir/cut.fbr" 2>/dev/null)"
cp "$RECORDING" "$dir/bad.fbr"
printf 'X' | dd of="$dir/bad.fbr" bs=1 seek=$((size / 2)) conv=notrunc status=none
check "a damaged recording" complains 2 "corrupt at byte" "$flyball" report "$dir/bad.fbr"
echo "no recording at all" >"$dir/foreign.fbr"
check "a foreign file" complains 2 "foreign.fbr" "$flyball" report "$dir/foreign.fbr"
cp "$RECORDING" "$dir/newer.fbr"
printf '\143' | dd of="$dir/newer.fbr" bs=1 seek=8 conv=notrunc status=none
check "a newer recording" complains 2 "newer" "$flyball" report "$dir/newer.fbr"
check "no such file" complains 2 "nowhere.fbr" "$flyball" report "$dir/nowhere.fbr"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
