# shellcheck shell=bash
# Prepares one run (kernel, QEMU, initramfs), then hands over to run.sh in namespaces of its own.

# ensure SERIES: sets KERNEL_DIR, QEMU and VIRTIOFSD, fetching what is not there yet.
ensure() {
  local series
  series=$(resolve "$1")
  KERNEL_DIR=$(fetched "$series")
  if [ -n "$KERNEL_DIR" ] && find_qemu; then return; fi
  locked fetch lab_apt_update 3600
  locked fetch fetch_qemu
  series=$(resolve "$1")
  if [ -z "$(fetched "$series")" ]; then locked fetch fetch_kernel "$series" || exit "$EX_LACK"; fi
  KERNEL_DIR=$(fetched "$series")
}

lab_boot() { # SERIES
  local status child
  check_tools
  [ "$(id -u)" = 0 ] || die "$EX_LACK" "the lab must run as root (it makes mount and process namespaces)"
  ensure "$1"
  find_qemu || die "$EX_LACK" "no QEMU $QEMU_OLDEST or newer: run 'tools/lab fetch'"
  initramfs "$KERNEL_DIR"
  if [ "$OPT_ACCEL" = auto ]; then
    OPT_ACCEL=tcg
    if [ "$OPT_VIRTUAL_TIME" = 0 ] && kvm_works "$1"; then OPT_ACCEL=kvm; fi
  fi
  mkdir -p "$CACHE/mnt"
  export_run

  # Everything of a run lives in a mount and a process namespace: sockets, disks and the host's side of the
  # share in a tmpfs that no one else sees, all processes under one pid 1. When this script dies, even by
  # SIGKILL, unshare gets SIGKILL, pid 1 follows, and the kernel clears up the rest.
  setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child \
    bash "$LAB_D/run.sh" "${CMD[@]}" &
  child=$!
  # Background children ignore SIGINT, so run.sh is told by SIGUSR1.
  trap 'tell "$child" USR1' INT
  trap 'tell "$child" TERM' TERM HUP
  while :; do
    status=0
    wait "$child" || status=$?
    kill -0 "$child" 2>/dev/null || break
  done
  # A trapped signal ends wait early; the last one may have come just as the child ended.
  if [ "$status" -gt 128 ]; then
    status=0
    wait "$child" 2>/dev/null || status=$?
  fi
  exit "$status"
}

# tell UNSHARE_PID SIGNAL: unshare itself ignores signals while it waits; its only child is pid 1.
tell() {
  local pid
  read -r pid _ <"/proc/$1/task/$1/children" 2>/dev/null || true
  [ -z "$pid" ] || kill -s "$2" "$pid" 2>/dev/null || true
}

# export_run: hands run.sh what it needs, as variables (arrays as quoted words).
export_run() {
  LAB_NAME=$(series_of "${KERNEL_DIR##*/}")
  export LAB_CACHE=$CACHE LAB_D LAB_KERNEL=$KERNEL_DIR LAB_INITRAMFS=$INITRAMFS LAB_NAME LAB_CONSOLE=$OPT_CONSOLE
  export LAB_MEM=$OPT_MEM LAB_CPUS=$OPT_CPUS LAB_TIMEOUT=$OPT_TIMEOUT LAB_DISK=$OPT_DISK LAB_SWAP=$OPT_SWAP
  export LAB_ACCEL=$OPT_ACCEL LAB_VERBOSE=$OPT_VERBOSE LAB_VIRTUAL_TIME=$OPT_VIRTUAL_TIME LAB_INSTRUCTION_NS=$OPT_INSTRUCTION_NS
  export LAB_NULL_BLK=$OPT_NULL_BLK LAB_VIRTIOFSD_KIND=$VIRTIOFSD_KIND
  LAB_QEMU=${QEMU[*]@Q} LAB_VIRTIOFSD=${VIRTIOFSD[*]@Q} LAB_DIRS=${OPT_DIRS[*]@Q} LAB_ENV=${OPT_ENV[*]@Q}
  export LAB_QEMU LAB_VIRTIOFSD LAB_DIRS LAB_ENV
}
