#!/bin/bash
# tests/hygiene/rooms.sh [ROOT]: a room includes only rooms below it, libbpf stays where it belongs, and the link lists of the rooms
# and of the tests name what is included and nothing else.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

# Lowest first; the same list as in src/CMakeLists.txt, which is compared below.
rooms=(base process cgroup kernel probe stream symbol profile audit ledger oom stats tune load compare calibrate diagnose live report cli)
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

# includes DIR...: "FILE:LINE:included" for every #include of the files below.
includes() {
  grep -rnE --include='*.[ch]pp' '^[[:space:]]*#[[:space:]]*include' "$@" |
    sed -E 's/^([^:]*:[0-9]+):[^<"]*[<"]([^>"]*)[>"].*/\1:\2/'
}

# room_of FILE: sets room to the one it belongs to, or to nothing; the load generator may use what base may, and base itself.
room_of() {
  room=
  case $1 in
    include/flyball/abi/*) ;;
    include/flyball/*/*) room=${1#include/flyball/} room=${room%%/*} ;;
    src/*/*) room=${1#src/} room=${room%%/*} ;;
    tools/workload/*) room=base ;;
  esac
}

compared=0
# check: reads what includes() prints and prints each breach.
check() {
  local file line included room other breach
  compared=0
  while IFS=: read -r file line included; do
    room_of "$file"
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

all=$(mktemp) found=$(mktemp)
trap 'rm -f "$all" "$found"' EXIT
# The rooms' own files, and the load generator's.
includes include/flyball src tools/workload >"$all"
check <"$all" >"$found"
cat "$found"
status=0
if [ -s "$found" ]; then status=1; fi
verdict $status "rooms look down"
echo "compared $compared includes of ${#rooms[@]} rooms"
status=0
[ "$compared" -gt 0 ] || status=1
verdict $status "something was compared"

# entry_of INCLUDED: the entry of a link list that it asks for; none for the standard's headers, the system's and a room's own.
# fmt comes with base.
entry_of() {
  case $1 in
    flyball/abi/*) ;;
    flyball/*/*) set -- "${1#flyball/}" && echo "${1%%/*}" ;;
    fmt/*) echo base ;;
    bpf/*) echo PkgConfig::libbpf ;;
    *.skel.h) echo "\${skeletons}" ;;
    nlohmann/*) echo nlohmann_json::nlohmann_json ;;
    CLI/*) echo CLI11::CLI11 ;;
    zlib.h) echo ZLIB::ZLIB ;;
    zstd.h) echo PkgConfig::libzstd ;;
    elf.h | gelf.h | libelf.h) echo PkgConfig::libelf ;;
    sys/capability.h) echo PkgConfig::libcap ;;
  esac
}
# entries: the link list on stdin, one entry a line, without the words that are none.
entries() { tr -s ' ()' '\n' | grep -vxE '|USES|LINKS|COLD|PRIVATE|flyball::warnings|flyball_test_support|\$\{room_targets\}' | sort -u; }
# asked_for ROOM: the entries that the includes on stdin, FILE:LINE:INCLUDED, ask for.
asked_for() {
  local included
  while IFS=: read -r _ _ included; do entry_of "$included"; done | grep -vxF "$1" | sort -u
}
# compare_list WHOSE LIST INCLUDES: says how the entries and what is asked for differ, and nothing if they do not.
compare_list() {
  { diff <(entries <<<"$2") <(asked_for "$1" <<<"$3") || true; } |
    sed -nE "s|^< (.*)|$1: \1 is in the link list and nowhere included|p; s|^> (.*)|$1: \1 is included and not in the link list|p"
}
linked() { # WHOSE LIST INCLUDES
  local said
  said=$(compare_list "$@")
  [ -z "$said" ] || echo "$said"
  status=0
  if [ -n "$said" ]; then status=1; fi
  verdict $status "the link list of $1 is what it includes"
}

seen=$(compare_list audit 'USES profile tune LINKS ZLIB::ZLIB' 'src/audit/seeded.cpp:1:flyball/audit/findings.hpp
src/audit/seeded.cpp:2:flyball/profile/snapshot.hpp
src/audit/seeded.cpp:3:flyball/ledger/books.hpp
src/audit/seeded.cpp:4:bpf/libbpf.h')
status=0
[ "$(wc -l <<<"$seen")" = 4 ] || status=1
verdict $status "the check finds the four differences seeded in it; it found: $seen"

# call FUNCTION FIRST FILE: the further arguments of that call in a CMakeLists.txt.
call() { tr '\n' ' ' <"$3" | sed -nE "s/.*\b$1\($2( [^)]*|)\).*/\1/p"; }
for room in "${rooms[@]}"; do
  linked "$room" "$(call flyball_room "$room" "src/$room/CMakeLists.txt")" \
    "$(grep -E "^(include/flyball|src)/$room/" "$all")"
done
# The tests link all rooms.
tests=(unit:'\$\{target\}' host:flyball_kernel_tests fuzz:'fuzz_\$\{name\}')
for test in "${tests[@]}"; do
  dir=${test%%:*} target=${test#*:}
  linked "tests/$dir" "$(call target_link_libraries "$target" tests/CMakeLists.txt)" "$(includes "tests/$dir" | grep -vE ':(flyball|fmt)/')"
done

built=$(sed -n 's/^foreach(room IN ITEMS \(.*\))$/\1/p' src/CMakeLists.txt)
status=0
[ "$built" = "${rooms[*]}" ] || status=1
verdict $status "the order here is that of src/CMakeLists.txt ($built)"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
