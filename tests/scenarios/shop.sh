#!/bin/bash
# tests/scenarios/shop.sh before|after FLYBALL WORKLOAD OUT: makes the recordings of tests/replay, inside the lab:
#   tools/lab 6.12 --mem 1G --null-blk completion_nsec=2000000,irqmode=2 -- \
#     tests/scenarios/shop.sh before build/release/flyball build/release/flyball-workload shop-before.fbr
# A shop: its checkout and a batch job share the quota of prod.slice, a build runs beside them, a cache meets its memory.max.
# after: the batch job has moved out of prod.slice, into a slice of little weight.
set -euo pipefail
state=$1 flyball=$2 workload=$3 out=$4
root=/sys/fs/cgroup

echo "+cpu +memory +io +pids" >$root/cgroup.subtree_control
mkdir $root/prod.slice $root/build.slice $root/cache.slice $root/backup.slice $root/idle.slice
echo "+cpu +memory" >$root/prod.slice/cgroup.subtree_control
mkdir $root/prod.slice/checkout.service
batch=$root/prod.slice/batch.scope
[ "$state" = before ] || batch=$root/idle.slice/batch.scope
[ "$state" = before ] || echo "+cpu" >$root/idle.slice/cgroup.subtree_control
mkdir "$batch"
echo "60000 100000" >$root/prod.slice/cpu.max
echo 10 >$root/idle.slice/cpu.weight
echo 16M >$root/cache.slice/memory.max
echo 1 >$root/cache.slice/memory.oom.group

"$flyball" record -o "$out" --format none 2>/run/record.err &
recorder=$!
for ((i = 0; i < 300; i++)); do
  ! grep -q "recording" /run/record.err || break
  sleep 0.1
done
"$workload" --cgroup $root/prod.slice/checkout.service duty 4 --busy-us 5000 --period-us 25000 >/dev/null &
loads=($!)
"$workload" --cgroup "$batch" spin 4 >/dev/null &
loads+=($!)
"$workload" --cgroup $root/build.slice --pin 1 duty 4 --busy-us 8000 --period-us 10000 >/dev/null &
loads+=($!)
"$workload" --cgroup $root/backup.slice dio /dev/nullb0 --read --bs 65536 --count 200 >/dev/null &
loads+=($!)
"$workload" oomgroup 2 --each 4 --into $root/cache.slice >/dev/null || true
wait "${loads[@]}"
kill -TERM "$recorder"
wait "$recorder"
