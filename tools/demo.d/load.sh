# shellcheck shell=bash
# Sourced by tools/demo (host) and demo.d/guest.sh (lab): cgroups of the demo's own, and the mixed load inside them.
# Needs: WORKLOAD, the path of flyball-workload.

DEMO_NAME=flyball-demo-$$
DEMO_PIDS=()     # what load_* started
DEMO_MOUNTS=()   # hierarchies that have a controller we use, each once
DEMO_ENABLED=()  # controllers that we switched on in the root's cgroup.subtree_control
DEMO_UNIFIED=0
declare -A DEMO_MOUNT # controller -> mount point

say() { if [ -t 1 ]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi; }
note() { printf '   %s\n' "$*"; }

# Finds where the controllers cpu, memory, io and pids live: cgroup v2, or one v1 hierarchy each.
cg_find() {
  local where type options name
  while read -r _ where type options _; do
    case $type in
      cgroup2) options=$(cat "$where/cgroup.controllers") ;;
      cgroup) ;;
      *) continue ;;
    esac
    for name in ${options//,/ }; do
      [ "$name" != blkio ] || name=io
      case $name in cpu | memory | io | pids) ;; *) continue ;; esac
      DEMO_MOUNT[$name]=$where
      [ "$type" = cgroup ] || DEMO_UNIFIED=1
      case " ${DEMO_MOUNTS[*]} " in *" $where "*) ;; *) DEMO_MOUNTS+=("$where") ;; esac
    done
  done </proc/self/mounts
  [ ${#DEMO_MOUNTS[@]} -gt 0 ]
}

# On v2 children get only the controllers that their parent hands down. What we switch on in the root is switched off again.
cg_enable() {
  local controller control=${DEMO_MOUNTS[0]}/cgroup.subtree_control
  [ "$DEMO_UNIFIED" = 1 ] || return 0
  for controller in "${!DEMO_MOUNT[@]}"; do
    case " $(cat "$control") " in *" $controller "*) continue ;; esac
    if echo "+$controller" 2>/dev/null >"$control"; then DEMO_ENABLED+=("$controller"); fi
  done
}

# cg_make [NAME]: /flyball-demo-PID/NAME, or the demo's root itself.
cg_make() {
  local mount controller
  for mount in "${DEMO_MOUNTS[@]}"; do
    mkdir "$mount/$DEMO_NAME${1:+/$1}"
    if [ "$DEMO_UNIFIED" = 0 ] || [ $# -gt 0 ]; then continue; fi
    for controller in "${!DEMO_MOUNT[@]}"; do
      echo "+$controller" 2>/dev/null >"$mount/$DEMO_NAME/cgroup.subtree_control" || true
    done
  done
}

# cg_set NAME CONTROLLER FILE VALUE
cg_set() { echo "$4" >"${DEMO_MOUNT[$2]}/$DEMO_NAME/$1/$3"; }

# cg_words OPTION NAME: the words "OPTION DIR" for each hierarchy, in the array WORDS.
cg_words() {
  local mount
  WORDS=()
  for mount in "${DEMO_MOUNTS[@]}"; do WORDS+=("$1" "$mount/$DEMO_NAME/$2"); done
}

# load_in NAME VERB...: starts a verb of the workload inside a cgroup.
load_in() {
  cg_words --cgroup "$1"
  shift
  "$WORKLOAD" "${WORDS[@]}" "$@" >/dev/null &
  DEMO_PIDS+=($!)
}

# load_oom NAME PROCESSES: fills the cgroup until the kernel kills.
load_oom() {
  cg_words --into "$1"
  "$WORKLOAD" oomgroup "$2" --each 4 "${WORDS[@]}" >/dev/null &
  DEMO_PIDS+=($!)
}

limit_cpu() { # NAME PERCENT
  if [ "$DEMO_UNIFIED" = 1 ]; then
    cg_set "$1" cpu cpu.max "$(($2 * 1000)) 100000"
  else
    cg_set "$1" cpu cpu.cfs_quota_us "$(($2 * 1000))"
  fi
}
weigh_cpu() { # NAME WEIGHT (100 is usual)
  if [ "$DEMO_UNIFIED" = 1 ]; then cg_set "$1" cpu cpu.weight "$2"; else cg_set "$1" cpu cpu.shares "$(($2 * 1024 / 100))"; fi
}
limit_memory() { # NAME BYTES
  if [ "$DEMO_UNIFIED" = 1 ]; then
    cg_set "$1" memory memory.max "$2"
    cg_set "$1" memory memory.swap.max 0 2>/dev/null || true
  else
    cg_set "$1" memory memory.limit_in_bytes "$2"
  fi
}

# load_make: the cgroups of all loads, with their limits.
load_make() {
  local name names=(light heavy quota disk memory oom)
  cg_make
  [ "$DEMO_UNIFIED" = 0 ] || names+=(high oom-group)
  for name in "${names[@]}"; do cg_make "$name"; done
  weigh_cpu light 100
  weigh_cpu heavy 300
  limit_cpu quota 20
  limit_memory oom 33554432
  [ "$DEMO_UNIFIED" = 1 ] || return 0
  cg_set high memory memory.high 33554432
  limit_memory oom-group 33554432
  cg_set oom-group memory memory.oom.group 1
}

# load_all SECONDS FILE: FILE has its size already (direct I/O).
load_all() {
  note "light, heavy   one spinner each on CPU 0, with weights 100 and 300"
  load_in light --pin 0 spin "$1"
  load_in heavy --pin 0 spin "$1"
  note "quota          a spinner that may run 20 ms of every 100 ms"
  load_in quota spin "$1"
  note "disk           direct reads and writes of $2"
  load_in disk dio "$2" --read --bs 16384 --count 1000
  load_in disk dio "$2" --write --bs 65536 --count 200
  note "memory         48 MiB in three processes, and 100 forks"
  load_in memory alloc 16 --touch --procs 3 --hold 2
  load_in memory forks 100
  note "oom            three processes in 32 MiB: one grows until it is killed"
  load_oom oom 3
  [ "$DEMO_UNIFIED" = 1 ] || return 0 # the rest takes cgroup v2
  note "high           34 MiB above a memory.high of 32 MiB: the kernel slows it down"
  load_in high alloc 34 --touch
  note "oom-group      as oom, with memory.oom.group: all three die"
  load_oom oom-group 3
}

load_wait() {
  wait "${DEMO_PIDS[@]}" || true
  DEMO_PIDS=()
}

# Ends what we started, removes what we made. Safe to call at any time, any number of times.
load_clean() {
  local pid mount dir controller tries
  for pid in "${DEMO_PIDS[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  wait "${DEMO_PIDS[@]}" 2>/dev/null || true # quietly: bash would tell of each that was killed
  for mount in "${DEMO_MOUNTS[@]}"; do
    [ -d "$mount/$DEMO_NAME" ] || continue
    for dir in "$mount/$DEMO_NAME"/*/ "$mount/$DEMO_NAME"; do
      for ((tries = 0; tries < 100; tries++)); do
        [ -d "$dir" ] || break
        while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done <"$dir/cgroup.procs"
        rmdir "$dir" 2>/dev/null || sleep 0.05 # a dead task leaves its cgroup a moment later
      done
    done
  done
  for controller in "${DEMO_ENABLED[@]}"; do
    echo "-$controller" 2>/dev/null >"${DEMO_MOUNTS[0]}/cgroup.subtree_control" || true
  done
  DEMO_PIDS=() DEMO_ENABLED=()
}
