#!/bin/bash
# tests/hygiene/filter.sh [ROOT]: tests/filter selects each test by its name, and no other. Uses $FLYBALL_BUILD or build/release.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
build=${FLYBALL_BUILD:-build/release}

# names PROGRAM [FILTER]: one a line. Catch2 3 and 2 have different options for that.
names() {
  case $("$1" --libidentify) in
    *'version:'*' 2.'*) "$1" --list-test-names-only "${@:2}" ;;
    *) "$1" --list-tests --verbosity quiet "${@:2}" ;;
  esac
}

passed=0 failed=0 skipped=0
for program in flyball_unit_tests flyball_kernel_tests; do
  [ -x "$build/tests/$program" ] || continue
  mapfile -t all < <(names "$build/tests/$program")
  [ "${#all[@]}" -gt 0 ] || { failed=$((failed + 1)) && echo "FAILED: $program lists no test"; }
  for half in 0 1; do
    some=()
    for ((i = half; i < ${#all[@]}; i += 2)); do some+=("${all[i]}"); done
    if names "$build/tests/$program" "$(tests/filter "${some[@]}")" | diff - <(printf '%s\n' "${some[@]}"); then
      passed=$((passed + 1))
    else
      failed=$((failed + 1)) && echo "FAILED: every second test of $program, by its name"
    fi
  done
done
if [ $((passed + failed)) = 0 ]; then
  echo "skipped: filter: no test program is built (tools/build)"
  skipped=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
