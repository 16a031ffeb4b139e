#!/bin/bash
# The host's side of one run; boot.sh starts it as pid 1 of a private process namespace, in a private mount
# namespace. It builds the share, starts virtiofsd and QEMU, relays output and signals, and judges the end.
set -Eeuo pipefail
trap 'echo "lab: failed at ${BASH_SOURCE[0]##*/}:$LINENO" >&2; exit 125' ERR
# shellcheck source=/dev/null
. "$LAB_D/common.sh"

declare -a qemu virtiofsd dirs env_words
eval "qemu=($LAB_QEMU) virtiofsd=($LAB_VIRTIOFSD) dirs=($LAB_DIRS) env_words=($LAB_ENV)" # made by @Q in boot.sh
here=$PWD
T=$LAB_CACHE/mnt # an empty directory for all others

# quote WORD...: words for any POSIX shell.
quote() {
  local w
  for w; do printf "'%s' " "${w//\'/\'\\\'\'}"; done
}

# The share: root/ is the host's files without what the guest mounts itself, read-only on this side too, so
# that not even a remount in the guest can change them; rw/N are the writable directories; io/ is ours.
make_share() {
  local d n=0 m type
  mount -t tmpfs -o mode=700,size=75% lab "$T"
  mkdir -p "$T"/share/{root,rw,io}
  mount --bind / "$T/share/root"
  mount -o remount,bind,ro "$T/share/root"
  while read -r _ _ _ _ m rest; do
    type=${rest#* - } type=${type%% *} m=$(printf '%b' "$m")
    case $m in / | "$T" | "$T"/* | /proc* | /sys* | /dev | /dev/* | /run | /run/* | /tmp | /var/tmp) continue ;; esac
    case $type in autofs | nsfs | fuse.*) continue ;; esac
    if [ -e "$T/share/root$m" ] && mount --bind "$m" "$T/share/root$m" 2>/dev/null; then
      mount -o remount,bind,ro "$T/share/root$m"
    fi
  done </proc/self/mountinfo
  : >"$T/share/io/dirs"
  if [ "$here" != / ]; then dirs=("$here" "${dirs[@]}"); fi
  for d in "${dirs[@]}"; do
    case $d in
      / | /proc* | /sys* | /dev*) die "$EX_USAGE" "--dir: '$d' cannot be made writable in the lab" ;;
      *$'\n'*) die "$EX_USAGE" "a directory with a newline in its name cannot be used" ;;
    esac
    mkdir "$T/share/rw/$n"
    mount --rbind "$d" "$T/share/rw/$n"
    echo "$d" >>"$T/share/io/dirs"
    n=$((n + 1))
  done
}

write_command() {
  local merge='' swap='' term=${TERM:-dumb} io=$T/share/io v stdout
  exec {stdout}>&1 # in a command substitution, 1 is another file
  # Where both streams go to one place anyway, one file keeps their order.
  if [ "$(stat -Lc %d:%i /proc/self/fd/"$stdout")" = "$(stat -Lc %d:%i /proc/self/fd/2)" ]; then merge=1; fi
  exec {stdout}>&-
  if [ "$LAB_SWAP" != 0 ]; then
    swap=vdb
    if [ "$LAB_DISK" = 0 ]; then swap=vda; fi
  fi
  {
    echo "LAB_HOSTNAME=$(quote "lab-$LAB_NAME") LAB_MERGE=$merge LAB_SWAP=$swap LAB_CWD=$(quote "$here")"
  } >"$io/config"
  {
    # shellcheck disable=SC2016 # the guest's own pid
    echo 'echo $$ >/run/lab/pid'
    for v in "PATH=$PATH" HOME=/root USER=root LOGNAME=root SHELL=/bin/sh "TERM=$term" "LANG=${LANG:-C.UTF-8}" \
      "FLYBALL_LAB=$LAB_NAME" "${env_words[@]}"; do
      printf 'export %s=' "${v%%=*}"
      quote "${v#*=}"
      echo
    done
    printf 'unset IO B LAB_HOSTNAME LAB_MERGE LAB_SWAP\ncd %s || exit 125\nexec ' "$(quote "$here")"
    quote "$@"
    echo
  } >"$io/cmd"
  : >"$io/out"
  : >"$io/err"
}

start_virtiofsd() {
  local opts
  # The C virtiofsd locks a file there that is named after its socket: each lab needs its own.
  mkdir -p run /run/virtiofsd
  mount --bind run /run/virtiofsd
  # C: the default sandbox fails in pivot_root where root is no mount point of its own, cache=auto makes exec
  # 3 to 4 times slower, and raising the file limit is refused in some containers.
  case $LAB_VIRTIOFSD_KIND in
    c) opts=(--socket-path=fs.sock -o source="$T/share" -o sandbox=chroot -o cache=always --rlimit-nofile=0) ;;
    rust) opts=(--socket-path=fs.sock --shared-dir "$T/share" --sandbox chroot --cache always --rlimit-nofile 0) ;;
  esac
  setsid "${virtiofsd[@]}" "${opts[@]}" </dev/null >virtiofsd.log 2>&1 &
  fs_pid=$!
  local i
  for ((i = 0; i < 200; i++)); do
    if [ -S fs.sock ]; then return; fi
    if ! kill -0 "$fs_pid" 2>/dev/null; then break; fi
    sleep 0.02
  done
  tail -5 virtiofsd.log >&2
  die "$EX_LAB" "virtiofsd does not start (see above)"
}

# disk SIZE NAME: a sparse scratch disk in the private tmpfs: no host disk's speed in the results.
disk() {
  if [ "$1" = 0 ]; then return; fi
  truncate -s "$1" "$2"
  disks+=(-drive "if=none,id=$2,file=$2,format=raw,cache=unsafe,aio=threads" -device "virtio-blk-pci,drive=$2,serial=$2")
}

start_qemu() {
  local accel threads=multi level=5 shift=0 cmdline
  disks=() clock=()
  # The guest's clock counts its instructions, 2^shift ns each, and leaps to the next timer when all its CPUs sleep. One thread
  # runs all CPUs in turn: QEMU refuses to count otherwise.
  # shellcheck disable=SC2054 # commas of QEMU's
  if [ "$LAB_VIRTUAL_TIME" = 1 ]; then
    while [ $((1 << shift)) -lt "$LAB_INSTRUCTION_NS" ]; do shift=$((shift + 1)); done
    threads=single clock=(-icount "shift=$shift,sleep=off")
  fi
  disk "$LAB_DISK" scratch
  disk "$LAB_SWAP" swap
  # shellcheck disable=SC2054 # commas of QEMU's
  case $LAB_ACCEL in
    kvm) accel=(-accel kvm -cpu host) ;;
    # Of what emulation does slowly (AVX, copies by `rep movsb`, SMAP) nothing: less CPU by a sixth than -cpu max takes, and
    # read() of a page a tenth of the time. Without cx16, 7.2 has no BPF local storage; rdrand: entropy at boot.
    *) accel=(-accel "tcg,thread=$threads" -cpu Nehalem,+cx16,+rdrand) ;;
  esac
  if [ "$LAB_VERBOSE" = 1 ]; then level=7; fi
  # panic=-1: reset at once, which -no-reboot turns into an exit.
  cmdline="console=ttyS0 loglevel=$level panic=-1 mitigations=off nokaslr tsc=reliable nmi_watchdog=0 psi=1"
  # no_timer_check: the boot's test of the timer interrupt fails on an emulator that waits for a CPU.
  cmdline+=" no_timer_check reboot=t random.trust_cpu=on lab.null_blk=\"$LAB_NULL_BLK\" "
  setsid "${qemu[@]}" -nodefaults -no-user-config -display none -no-reboot -machine q35 "${accel[@]}" "${clock[@]}" \
    -m "$LAB_MEM" -smp "$LAB_CPUS" -object "memory-backend-memfd,id=mem,size=$LAB_MEM,share=on" -numa node,memdev=mem \
    -kernel "$LAB_KERNEL/vmlinuz" -initrd "$LAB_INITRAMFS" -append "$cmdline" \
    -chardev file,id=console,path=console.log -serial chardev:console \
    -chardev file,id=signals,path=/dev/null,input-path=signals -serial chardev:signals \
    -chardev socket,id=fs,path=fs.sock -device vhost-user-fs-pci,chardev=fs,tag=share \
    "${disks[@]}" </dev/null >qemu.log 2>&1 &
  qemu_pid=$!
}

# relay FILE FD: sends what the guest adds to FILE to FD, until QEMU has ended and all is sent.
relay() {
  tail -c +1 -s 0.05 --pid="$qemu_pid" -f "$1" 1>&"$2" 2>/dev/null &
  relays+=($!)
}

asked=0
forward() { # a signal from outside: to the command first, and the second time, or after 10 s, to the machine
  asked=$((asked + 1)) interrupted=$1
  if [ "$asked" = 1 ] && [ -e "$T/share/io/started" ]; then
    echo "$1" >&"$signals_fd"
    (sleep 10 && kill_qemu) &
  else
    kill_qemu
  fi
}

# SIGTERM lets QEMU end at once and quietly; SIGKILL, of which bash would print a line, only if that fails.
kill_qemu() {
  kill -TERM "$qemu_pid" 2>/dev/null || return 0
  (sleep 3 && kill -KILL "$qemu_pid" 2>/dev/null) &
}

judge() { # WHAT_ENDED: prints what went wrong and exits with the run's status
  if [ -n "$LAB_CONSOLE" ]; then cp console.log "$LAB_CONSOLE" || say "--console: cannot write '$LAB_CONSOLE'"; fi
  if [ -s share/io/status ]; then exit "$(cat share/io/status)"; fi
  case $1 in
    timeout) die "$EX_TIMEOUT" "timeout: the command did not end within $LAB_TIMEOUT s" ;;
    relay) exit 141 ;; # the reader of our output has gone, as for SIGPIPE
  esac
  if [ -n "$interrupted" ]; then
    say "stopped by SIG$interrupted"
    exit $((128 + $(kill -l "$interrupted")))
  fi
  if [ -s share/io/failed ]; then die "$EX_LAB" "the guest could not be set up: $(cat share/io/failed)"; fi
  if [ "$LAB_VERBOSE" = 0 ]; then tail -n 25 console.log | sed 's/\r$//; s/^/  | /' >&2; fi
  head -5 qemu.log | sed 's/^/  | /' >&2
  if [ "$1" = virtiofsd ]; then
    tail -5 virtiofsd.log | sed 's/^/  | /' >&2
    die "$EX_LAB" "virtiofsd died during the run"
  fi
  if [ -e share/io/started ]; then die "$EX_LAB" "kernel $LAB_NAME went down before the command ended (console above)"; fi
  die "$EX_LAB" "kernel $LAB_NAME did not reach the command (console above)"
}

# follow: waits for the machine's end, and sets `ended` to what ended it: qemu, virtiofsd, timeout or relay.
follow() {
  local pid=''
  ended=''
  while [ -z "$ended" ]; do
    wait -n -p pid "$qemu_pid" "$fs_pid" "$timer" "${relays[@]}" || true
    case ${pid:-} in
      '') ;; # a trap ran
      "$qemu_pid") ended=qemu ;;
      "$timer") ended=timeout ;;
      "$fs_pid") sleep 0.5 && ended=virtiofsd ;; # it also ends, normally, when QEMU has
      *) if kill -0 "$qemu_pid" 2>/dev/null; then ended=relay; else ended=qemu; fi ;;
    esac
    if [ "$ended" = virtiofsd ] && ! kill -0 "$qemu_pid" 2>/dev/null; then ended=qemu; fi
  done
  kill_qemu
  for pid in "${relays[@]}"; do wait "$pid" || true; done
}

# Whether the machine went down by itself before the command began: then nothing was run, and it may be booted anew.
# QEMU's TCG with several threads aborts at times while the guest sets its devices up
# (`iotlb_to_section: Assertion ... failed`, seen with QEMU 10 under load, once in some hundred boots).
fell_at_boot() {
  [ "$ended" = qemu ] && [ -z "$interrupted" ] && [ ! -e share/io/started ] && [ ! -s share/io/failed ] && [ ! -s share/io/status ]
}

BOOTS=3
main() {
  # Without a handler pid 1 would ignore them. Its end is the end of all in its namespaces.
  trap 'exit 130' USR1
  trap 'exit 143' TERM
  make_share
  cd "$T"
  write_command "$@"
  mkfifo signals
  exec {signals_fd}<>signals
  interrupted=''
  sleep "$LAB_TIMEOUT" &
  timer=$!
  local boot
  for ((boot = 1; ; boot++)); do
    start_virtiofsd
    : >console.log
    start_qemu
    relays=()
    trap 'forward INT' USR1
    trap 'forward TERM' TERM
    relay share/io/out 1
    relay share/io/err 2
    if [ "$LAB_VERBOSE" = 1 ]; then relay console.log 2; fi
    follow
    if [ "$boot" -ge "$BOOTS" ] || ! fell_at_boot; then break; fi
    wait "$qemu_pid" || true
    say "kernel $LAB_NAME went down while it booted (attempt $boot of $BOOTS); booting anew"
    { cat qemu.log && tail -n 3 console.log; } | sed 's/\r$//; s/^/  | /' >&2
    kill -TERM "$fs_pid" 2>/dev/null || true
    wait "$fs_pid" || true
    rm -f fs.sock
  done
  judge "$ended"
}
main "$@"
