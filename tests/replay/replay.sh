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

# explain: who took whose time.
for format in text json trace folded; do
  check "explain -f $format" "$flyball" explain -f "$format" "$RECORDING" >"$dir/a.$format"
  "$flyball" explain -f "$format" "$RECORDING" >"$dir/b.$format"
  check "explain -f $format says something" test -s "$dir/a.$format"
  check "explain -f $format: the same bytes twice" cmp "$dir/a.$format" "$dir/b.$format"
done
check "explain names who was held, and by whose quota" \
  grep -qE 'checkout.service lost [0-9.]+% of its runnable time: [0-9.]+% to cpu.max of its parent prod.slice' "$dir/a.json"
check "explain adds up" grep -q ', 0 unbalanced; all accounts balance' "$dir/a.text"
# shellcheck disable=SC2016 # for awk
check "explain: 80 columns" awk 'length($0) > 80 { bad = 1; print } END { exit bad }' "$dir/a.text"
check "explain: the JSON names its schema" grep -q '"schema": *"flyball.explain/1"' "$dir/a.json"
# shellcheck disable=SC2016 # for awk
check "explain: every folded line is a stack and a count" awk '!/^[^;]+(;[^;]+)+ [0-9]+$/ { bad = 1; print } END { exit bad }' "$dir/a.folded"
check "explain of one cgroup" test -n "$("$flyball" explain -c /prod.slice "$RECORDING" | grep 'prod.slice with the')"
# docs/example-throttled-service.md shows these recordings: each line of its blocks is one that explain prints.
for args in "shop-before.fbr -c checkout.service" "shop-before.fbr -c prod.slice" "shop-after.fbr -c checkout.service"; do
  # shellcheck disable=SC2086 # words
  "$flyball" explain $args
done >"$dir/example.txt"
awk '/^```/ { inside = !inside; next } inside' ../../docs/example-throttled-service.md >"$dir/shown.txt"
check "the worked example has blocks" test "$(wc -l <"$dir/shown.txt")" -gt 40
check "the worked example is what explain prints" test -z "$(grep -vxFf "$dir/example.txt" "$dir/shown.txt" | tee /dev/stderr)"
check "explain of no cgroup" complains 2 "matches -c /nowhere" "$flyball" explain -c /prod.slice -c /nowhere "$RECORDING"
check "explain replays or records" complains 2 "either replays" "$flyball" explain -d 1s "$RECORDING"

size=$(stat -c %s "$RECORDING")
head -c $((size - 5)) "$RECORDING" >"$dir/cut.fbr"
check "a cut recording" complains 2 "truncated at byte" "$flyball" report "$dir/cut.fbr"
check "a cut recording is not explained" complains 2 "truncated at byte" "$flyball" explain "$dir/cut.fbr"
check "but what is left of it is" test -n "$("$flyball" explain --salvage "$dir/cut.fbr" 2>/dev/null)"
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
