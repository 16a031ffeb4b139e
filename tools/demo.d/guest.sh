#!/bin/bash
# demo.d/guest.sh FLYBALL WORKLOAD RECORDING: the part of tools/demo that runs inside the lab: all loads on cgroup v2.
set -euo pipefail
FLYBALL=$1 WORKLOAD=$2 recording=$3
# shellcheck source=tools/demo.d/load.sh
. "${BASH_SOURCE[0]%/*}/load.sh"
trap load_clean EXIT

cg_find
cg_enable
load_make
"$FLYBALL" record -c "/$DEMO_NAME/*" -o "$recording" --format none 2>/run/record.err &
recorder=$!
for ((i = 0; i < 300; i++)); do
  grep -q recording /run/record.err && break
  kill -0 "$recorder" 2>/dev/null || break
  sleep 0.1
done
load_all 5 /dev/vda # the lab's scratch disk
load_wait
kill -TERM "$recorder"
status=0
wait "$recorder" || status=$?
[ "$status" = 0 ] || cat /run/record.err >&2
exit "$status"
