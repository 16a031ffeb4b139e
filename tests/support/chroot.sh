# shellcheck shell=bash
# To be sourced: a minimal Debian of another release in a directory, made of the machine's own mirror.
# Mounts are made in a namespace of their own: they are gone when its first process is.
# shellcheck source=tools/lab.d/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/lab.d/apt.sh" # mirror, debian_keyring

# shellcheck disable=SC2034 # apt.sh dies with it
readonly EX_LACK=3
die() { # STATUS TEXT
  echo "$2" >&2
  exit "$1"
}

# chroot_lacks: says what the machine lacks to make and enter one.
chroot_lacks() {
  local tool
  if [ "$(id -u)" != 0 ]; then echo "needs root" && return; fi
  for tool in mmdebstrap unshare chroot; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed (tools/setup)" && return; }
  done
  unshare --mount --pid --fork true 2>/dev/null || echo "may not make namespaces here"
}

# chroot_reachable SUITE: whether the mirror has it, asked with what apt is set up to use.
chroot_reachable() {
  local main
  main=$(mirror main)
  [ -n "$main" ] && timeout 60 /usr/lib/apt/apt-helper -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=15 \
    download-file "$main/dists/$1/InRelease" "${TMPDIR:-/tmp}/InRelease.$$" >/dev/null 2>&1 &&
    rm -f "${TMPDIR:-/tmp}/InRelease.$$"
}

# chroot_make SUITE DIR [mmdebstrap's options...]: DIR appears complete or not at all.
chroot_make() {
  local suite=$1 dir=$2 main keyring tmp status=0
  shift 2
  main=$(mirror main)
  keyring=$(debian_keyring) || return
  mkdir -p "${dir%/*}"
  tmp=$(mktemp -d "$dir.XXXXXX") || return
  # Only this process and what it starts sees the mounts. What is installed need not survive a power cut.
  unshare --mount --pid --fork --kill-child mmdebstrap --quiet --mode=root --variant=apt --format=directory \
    --skip=cleanup/apt,cleanup/reproducible --dpkgopt=force-unsafe-io --aptopt='Acquire::Languages "none"' \
    --aptopt='APT::Install-Recommends "false"' "$@" "$suite" "$tmp/root" "deb [signed-by=$keyring] $main $suite main" || status=$?
  if [ "$status" = 0 ]; then
    rm -rf "$dir"
    mv "$tmp/root" "$dir" || status=$?
  fi
  rm -rf "$tmp"
  return "$status"
}

# chroot_run DIR CMD...: in a clean environment, with /proc and /sys to read.
chroot_run() {
  # shellcheck disable=SC2016 # for the inner shell
  unshare --mount --pid --fork --kill-child -- sh -c '
    set -e
    root=$1
    shift
    mount -t proc -o ro proc "$root/proc"
    for dir in /sys /sys/fs/cgroup; do
      mount --bind "$dir" "$root$dir"
      mount -o remount,bind,ro "$root$dir"
    done
    exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
  ' sh "$@"
}
