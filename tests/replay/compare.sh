#!/bin/bash
# tests/replay/compare.sh FLYBALL: `flyball compare` on the recordings here, whose change is known, and on files that are
# wrong in every way: a verdict with its exit status, or one clear line and 2.
set -uo pipefail
flyball=$(readlink -f "${1:?the flyball binary}")
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 2
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
check() { # NAME CMD...
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $name"; fi
}
# gives STATUS ARGS...: flyball compare ARGS exits with it; its output is in $dir/out.
gives() {
  local status=$1
  shift
  "$flyball" compare "$@" >"$dir/out" 2>"$dir/err"
  [ $? = "$status" ] && [ ! -s "$dir/err" ] && return
  echo "wanted $status of compare $*, got: $(cat "$dir/err" "$dir/out" | head -5)"
  return 1
}
# refuses TEXT ARGS...: exit status 2, one line with the text, no output.
refuses() {
  local text=$1
  shift
  "$flyball" compare "$@" >"$dir/out" 2>"$dir/err"
  [ $? = 2 ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" = 1 ] && grep -qF -- "$text" "$dir/err" && return
  echo "wanted 2 and '$text' of compare $*, got: $(cat "$dir/err")"
  return 1
}
said() { grep -qE -- "$1" "$dir/out"; }

# The move out of the quota: checkout is held no more, and the batch job is held by the quota alone.
check "before, after: held less" gives 0 shop-before.fbr shop-after.fbr -m cpu.held_ratio -c checkout.service
check "... is better" said '^ cpu.held_ratio .* better'
check "after, before: a regression" gives 1 shop-after.fbr shop-before.fbr -m cpu.held_ratio -c checkout.service
check "... is worse" said '^ cpu.held_ratio .* worse'
check "... and said" said '^REGRESSION'
check "one against one is said" said 'One recording against one'
check "nothing beyond 10000 %" gives 0 shop-after.fbr shop-before.fbr -m cpu.wait.p99 -c checkout.service -t 10000%
check "a recording against itself" gives 0 shop-before.fbr shop-before.fbr --all
"$flyball" report -j shop-before.fbr >"$dir/before.json"
"$flyball" report -j shop-after.fbr >"$dir/after.json"
check "reports show the difference alone" gives 0 "$dir/after.json" "$dir/before.json" -m cpu.held_ratio
check "... and say so" said 'nothing of its noise'
check "a report against its recording" gives 0 "$dir/before.json" shop-before.fbr --all
check "... has no difference" test -z "$(grep -E 'worse|better|changed' "$dir/out")"
"$flyball" compare shop-after.fbr shop-before.fbr >"$dir/a.txt"
"$flyball" compare shop-after.fbr shop-before.fbr >"$dir/b.txt"
check "the same bytes twice" cmp "$dir/a.txt" "$dir/b.txt"
# shellcheck disable=SC2016 # for awk
check "80 columns" awk 'length($0) > 80 { bad = 1; print } END { exit bad }' "$dir/a.txt"
check "JSON" gives 1 shop-after.fbr shop-before.fbr -j
check "... names its schema" said '"schema": "flyball.compare/1"'
check "-o writes the text" gives 1 shop-after.fbr shop-before.fbr -j -o "$dir/performance_comparison.txt"
check "... as it is printed" cmp "$dir/a.txt" "$dir/performance_comparison.txt"

# docs/compare.md shows this one.
(cd ../.. && "$flyball" compare tests/replay/shop-after.fbr tests/replay/shop-before.fbr -c checkout.service --top 0) >"$dir/example.txt"
awk '/^```/ { shown = 0; next } /^flyball compare:/ { shown = 1 } shown' ../../docs/compare.md >"$dir/shown.txt"
check "the example in the docs is what is printed" diff -u "$dir/shown.txt" "$dir/example.txt"

printf 'throughput,p99_ms\n%s' "$(for i in 1 2 3 4 5 6 7 8; do echo "100$i,1$i"; done)" >"$dir/a.csv"
printf 'throughput,p99_ms\n%s' "$(for i in 1 2 3 4 5 6 7 8; do echo "80$i,1$i"; done)" >"$dir/b.csv"
check "rows of results" gives 1 "$dir/a.csv" "$dir/b.csv"
check "... throughput fell" said '^ throughput .*-2[0-9.]+% .* worse'
check "... p99 did not" test "$(grep -c '^ p99_ms .* worse' "$dir/out")" = 0
check "a threshold by name" gives 0 "$dir/a.csv" "$dir/b.csv" -t throughput=25%
mkdir "$dir/A" "$dir/B"
for i in 1 2 3 4 5; do
  echo "{\"rps\": $((100 + i)), \"build\": {\"ms\": $((50 + i))}}" >"$dir/A/$i.json"
  echo "{\"rps\": $((100 + i)), \"build\": {\"ms\": $((90 + i))}}" >"$dir/B/$i.json"
done
check "directories" gives 1 "$dir/A" "$dir/B"
check "... by path" said '^ build.ms .* worse'
check "the same by --a and --b" gives 1 --a "$dir"/A/*.json --b "$dir"/B/*.json
check "three against three" gives 0 --a "$dir"/A/[123].json --b "$dir"/B/[123].json -j
check "... can never be significant, and that is said" said 'at least 4 and 4'
"$flyball" report -j shop-before.fbr | sed 's#/prod.slice/checkout.service#/flyball/run-12-0#' >"$dir/run12.json"
"$flyball" report -j shop-after.fbr | sed 's#/prod.slice/checkout.service#/flyball/run-99-0#' >"$dir/run99.json"
check "cgroups of runs are paired" gives 0 "$dir/run12.json" "$dir/run99.json" -m cpu.held_ratio
check "... under one name" said '^/flyball/run-\*-0'
check "cgroups are mapped" gives 0 "$dir/before.json" "$dir/run99.json" --map /prod.slice/checkout.service=/flyball/run-99-0 -m cpu.held_ratio
check "... under A's name" said '^/prod.slice/checkout.service'

check "no such file" refuses "nowhere.fbr" shop-before.fbr nowhere.fbr
head -c 2000 /dev/urandom | tr -d '\n' >"$dir/foreign"
check "a foreign file" refuses "$dir/foreign" shop-before.fbr "$dir/foreign"
head -c 3000 shop-before.fbr >"$dir/cut.fbr"
check "a cut recording" refuses "truncated" shop-before.fbr "$dir/cut.fbr"
check "no common metric" refuses "no metric in common" shop-before.fbr "$dir/a.csv"
printf 'throughput\n' >"$dir/none.csv"
check "no run" refuses "there is no row" "$dir/none.csv" "$dir/a.csv"
printf 'throughput\n1\nnan\n' >"$dir/nan.csv"
check "NaN" refuses "line 3: throughput 'nan' is not finite" "$dir/nan.csv" "$dir/a.csv"
printf 'throughput,x\n1,\n' >"$dir/empty.csv"
check "an empty column" refuses "line 2: x is empty" "$dir/empty.csv" "$dir/a.csv"
: >"$dir/empty"
check "an empty file" refuses "is empty" "$dir/empty" "$dir/a.csv"
mkdir "$dir/nothing"
check "an empty directory" refuses "no file in this directory" "$dir/nothing" "$dir/A"
check "one side only" refuses "compare needs A and B" shop-before.fbr
check "--a alone" refuses "--a without --b" --a shop-before.fbr
check "both ways at once" refuses "beside --a and --b" shop-before.fbr --a shop-before.fbr --b shop-after.fbr
check "no threshold" refuses "not a threshold" shop-before.fbr shop-after.fbr -t fast
check "no map" refuses "--map" shop-before.fbr shop-after.fbr --map checkout
check "a pattern that fits nothing" refuses "was chosen" shop-before.fbr shop-after.fbr -m nothing
echo "{\"schema\": \"flyball.report/9\"}" >"$dir/newer.json"
check "newer JSON" refuses "which this version cannot read" "$dir/newer.json" "$dir/before.json"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
