#!/bin/bash
# tests/hygiene/rooms.sh [ROOT]: a room includes only rooms below it, and libbpf stays where it belongs.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

# Lowest first; the same list as in src/CMakeLists.txt, which is compared below.
rooms=(base cgroup kernel probe stream symbol profile audit ledger oom tune load compare calibrate report cli)
libbpf_rooms=(kernel probe stream)

declare -A rank libbpf_room
for i in "${!rooms[@]}"; do rank[${rooms[i]}]=$i; done
for room in "${libbpf_rooms[@]}"; do libbpf_room[$room]=1; done

passed=0 failed=0
verdict() { # STATUS NAME
  if [ "$1" = 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $2"
  fi
}

# includes: "FILE:LINE:included" for every #include of the rooms' own files and of the load generator.
includes() {
  grep -rnE --include='*.[ch]pp' '^[[:space:]]*#[[:space:]]*include' include/flyball src tools/workload 2>/dev/null |
    sed -E 's/^([^:]*:[0-9]+):[^<"]*[<"]([^>"]*)[>"].*/\1:\2/'
}

# room_of FILE: the room it belongs to; the load generator may use what base may, and base itself.
room_of() {
  case $1 in
    include/flyball/abi/*) ;;
    include/flyball/*/*) set -- "${1#include/flyball/}" && echo "${1%%/*}" ;;
    src/*/*) set -- "${1#src/}" && echo "${1%%/*}" ;;
    tools/workload/*) echo base ;;
  esac
}

compared=0
# check: reads includes() and prints each breach.
check() {
  local file line included room other breach
  compared=0
  while IFS=: read -r file line included; do
    room=$(room_of "$file")
    [ -n "$room" ] || continue
    breach=
    if [ -z "${rank[$room]:-}" ]; then
      breach="'$room' is no known room"
    else
      case $included in
        flyball/abi/*) ;;
        flyball/*/*)
          compared=$((compared + 1))
          other=${included#flyball/}
          other=${other%%/*}
          if [ -z "${rank[$other]:-}" ]; then
            breach="'$other' is no known room"
          elif [ "${rank[$other]}" -gt "${rank[$room]}" ]; then
            breach="$room may not use $other, which is above it"
          fi
          ;;
        ../*) breach="includes go through include/flyball, not through ..: $included" ;;
        bpf/* | *.skel.h)
          case $file in include/*) breach="public headers need no libbpf: $included" ;; esac
          if [ -z "${libbpf_room[$room]:-}" ]; then breach="libbpf belongs to ${libbpf_rooms[*]}: $included"; fi
          if [ "$room" != probe ] && [[ $included = *.skel.h ]]; then breach="skeletons belong to probe: $included"; fi
          ;;
      esac
    fi
    [ -z "$breach" ] || echo "$file:$line: $breach"
  done
}

# The check itself has to see what it is for.
seen=$(check <<'END'
src/base/seeded.cpp:1:flyball/probe/session.hpp
src/profile/seeded.cpp:2:bpf/libbpf.h
include/flyball/kernel/seeded.hpp:3:bpf/btf.h
src/cli/seeded.cpp:4:flyball/base/result.hpp
src/report/seeded.cpp:5:../cli/verbs.hpp
END
)
status=0
[ "$(wc -l <<<"$seen")" = 4 ] || status=1
verdict $status "the check finds the four breaches seeded in it; it found: $seen"

all=$(mktemp)
trap 'rm -f "$all"' EXIT
includes >"$all"
found=$(mktemp)
trap 'rm -f "$all" "$found"' EXIT
check <"$all" >"$found"
cat "$found"
status=0
if [ -s "$found" ]; then status=1; fi
verdict $status "rooms look down"
echo "compared $compared includes of ${#rooms[@]} rooms"
status=0
[ "$compared" -gt 0 ] || status=1
verdict $status "something was compared"

built=$(sed -n 's/^foreach(room IN ITEMS \(.*\))$/\1/p' src/CMakeLists.txt)
status=0
[ "$built" = "${rooms[*]}" ] || status=1
verdict $status "the order here is that of src/CMakeLists.txt ($built)"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
