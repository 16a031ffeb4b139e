#!/bin/bash
# tests/replay/demo.sh FLYBALL: tools/demo keeps its promise: the answer of the recording first, then of this machine, in about 100 lines of
# 80 columns; it says what it cannot show; when it is stopped, nothing stays behind.
set -uo pipefail
dir=$(dirname "$(readlink -f "${1:?the flyball binary}")")
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
dir=$(realpath --relative-to=. "$dir")
tmp=$(mktemp -d) || exit 2
export FLYBALL_DEMO_SECONDS=2
demo=
trap '[ -z "$demo" ] || kill -TERM "$demo"; rm -rf "$tmp"' EXIT
passed=0 failed=0 skipped=0
check() { # NAME CMD...
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $name"; fi
}
skip() { skipped=$((skipped + 1)) && echo "skipped: $*"; }
finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
  exit
}
# shellcheck disable=SC2317 # check calls it
nothing_left() { # PID
  local left
  left=$(find /sys/fs/cgroup -type d -name "flyball-demo-$1" 2>/dev/null; find build/demo -name "part-$1" 2>/dev/null)
  [ -z "$left" ] || { echo "left: $left" && return 1; }
}
begin() { # FILE CMD...: in the background
  local file=$1
  shift
  "$@" >"$tmp/$file.out" 2>"$tmp/$file.err" &
  demo=$!
}
end() { # the status
  status=0
  wait "$demo" || status=$?
  check "nothing stays behind" nothing_left "$demo"
  demo=
}
answers() { # FILE: the recording's part
  check "$1: first the finding" grep -qE '^ 1\. checkout.service lost [0-9.]+% of its runnable time: [0-9.]+% to cpu.max' "$tmp/$1.out"
  check "$1: then the advice" grep -qE '^ +-> Move batch.scope out of prod.slice' "$tmp/$1.out"
  check "$1: and where the rest is" grep -qE "lines more: $dir/flyball explain tests/replay/shop-before.fbr" "$tmp/$1.out"
}

check "an argument of before is refused" test "$(tools/demo --no-lab 2>&1 >"$tmp/refused")" = \
  "demo: unknown argument '--no-lab' (see: tools/demo --help)"

# Who is not root gets the recording, and is told.
as_nobody=()
[ "$(id -u)" != 0 ] || as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if "${as_nobody[@]}" "$dir/flyball" explain tests/replay/shop-before.fbr >/dev/null 2>&1; then
  begin user "${as_nobody[@]}" tools/demo --built "$dir"
  end
  answers user
  check "not root: it says so in one line, and exits with 3" test "$status $(cat "$tmp/user.err")" = \
    "3 demo: this machine cannot be shown: it takes root (sudo tools/demo)"
else
  skip "not root: nobody may not read $dir"
fi

if [ "$(id -u)" != 0 ]; then skip "this machine: it takes root" && finish; fi
if [ ! -x "$dir/flyball-workload" ]; then skip "this machine: no flyball-workload in $dir" && finish; fi
begin root tools/demo --built "$dir"
pid=$demo
end
answers root
if [ "$status" = 3 ]; then skip "this machine: $(cat "$tmp/root.err")" && finish; fi
check "this machine: status $status, $(cat "$tmp/root.err")" test "$status" = 0
for name in light heavy quota disk memory oom; do
  check "this machine: $name is in the table" grep -qE "^ *[0-9]+ /fly.*/$name " "$tmp/root.out"
done
check "this machine: findings in words" test "$(grep -cE '^ [12]\. ' "$tmp/root.out")" = 3 # one is the recording's
check "and what to do next" grep -q 'tools/demo --lab' "$tmp/root.out"
check "about 100 lines: $(wc -l <"$tmp/root.out")" test "$(wc -l <"$tmp/root.out")" -le 140 # a busy machine has more to say
check "80 columns" test -z "$(grep -vF "$dir" "$tmp/root.out" | grep -E '^.{81}' | tee /dev/stderr)"
check "it can be looked at again" grep -qF "only: /flyball-demo-$pid/*" <("$dir/flyball" explain build/demo/host.fbr)

begin cut tools/demo --built "$dir"
until grep -q '^   oom ' "$tmp/cut.out" || ! kill -0 "$demo" 2>/dev/null; do sleep 0.1; done
kill -TERM "$demo"
end
check "stopped under load: status $status" test "$status" = 143
finish
