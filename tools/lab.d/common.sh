# shellcheck shell=bash
# Words, places and checks that every part of the lab shares.

# Exit codes of the lab itself; everything else is the command's own.
# shellcheck disable=SC2034 # used by the other parts
readonly EX_USAGE=2 EX_LACK=3 EX_TIMEOUT=124 EX_LAB=125

# Where kernels, QEMU and initramfs live. Everything in it can be deleted.
CACHE=$(readlink -m -- "${FLYBALL_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/flyball/lab}")

say() { printf 'lab: %s\n' "$*" >&2; }
die() { # CODE MESSAGE
  local code=$1
  shift
  say "$*"
  exit "$code"
}

# need COMMAND PACKAGE: one clear line when a tool is missing.
need() {
  command -v "$1" >/dev/null 2>&1 ||
    die "$EX_LACK" "'$1' is missing: install Debian package '$2' (or run: tools/lab setup)"
}

# The tools that booting needs, and the Debian package that has each.
readonly LAB_TOOLS=(
  busybox:busybox-static cpio:cpio xz:xz-utils flock:util-linux setpriv:util-linux unshare:util-linux
  dpkg-deb:dpkg apt-get:apt ldd:libc-bin
)

check_tools() {
  local t
  [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || die "$EX_LACK" "the lab needs Debian on amd64"
  for t in "${LAB_TOOLS[@]}"; do need "${t%%:*}" "${t#*:}"; done
  # A dynamically linked busybox would not start in an initramfs without libraries.
  if ldd "$(command -v busybox)" >/dev/null 2>&1; then
    die "$EX_LACK" "busybox is not static: install Debian package 'busybox-static' (or run: tools/lab setup)"
  fi
}

# Installs what check_tools would miss; only root on Debian can.
lab_setup() {
  local t p miss=()
  for t in "${LAB_TOOLS[@]}"; do
    p=${t#*:}
    command -v "${t%%:*}" >/dev/null 2>&1 || miss+=("$p")
  done
  if command -v busybox >/dev/null && ldd "$(command -v busybox)" >/dev/null 2>&1; then miss+=(busybox-static); fi
  [ "${#miss[@]}" -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "$EX_LACK" "missing Debian packages: ${miss[*]}: run 'tools/lab setup' as root"
  say "installing: ${miss[*]}"
  apt-get update -qq >&2 || true # stale lists may still do
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${miss[@]}" >&2 ||
    die "$EX_LACK" "apt-get could not install: ${miss[*]}"
}

# locked NAME FUNCTION ARGS...: one process at a time changes the cache.
locked() {
  local name=$1 fd status
  shift
  mkdir -p "$CACHE"
  exec {fd}>"$CACHE/$name.lock"
  flock "$fd"
  "$@"
  status=$? # reached with another value than 0 only where the caller handles failure
  exec {fd}>&-
  return "$status"
}
