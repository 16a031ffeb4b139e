# shellcheck shell=bash
# QEMU 10 or newer and a virtiofsd: the system's where they do, else unpacked privately.
# QEMU 7.2 is refused: its TCG crashes guests at random (3 boots of 20; QEMU 10: none of 155).

readonly QEMU_DIR_NAME=qemu
readonly QEMU_OLDEST=10

qemu_major() { "$@" --version 2>/dev/null | sed -nE '1s/.*version ([0-9]+)\..*/\1/p'; }

# shellcheck disable=SC2034 # boot.sh reads them
# Sets QEMU (command), VIRTIOFSD (command), VIRTIOFSD_KIND (c or rust); fails when either is missing.
find_qemu() {
  local q=$CACHE/$QEMU_DIR_NAME libs v major
  QEMU=() VIRTIOFSD=() VIRTIOFSD_KIND=
  libs=$q/usr/lib/x86_64-linux-gnu:$q/lib/x86_64-linux-gnu
  if [ -x "$q/usr/bin/qemu-system-x86_64" ]; then
    QEMU=(env "LD_LIBRARY_PATH=$libs" "QEMU_MODULE_DIR=$q/usr/lib/x86_64-linux-gnu/qemu"
      "$q/usr/bin/qemu-system-x86_64" -L "$q/usr/share/seabios" -L "$q/usr/share/qemu")
  elif command -v qemu-system-x86_64 >/dev/null; then
    QEMU=(qemu-system-x86_64)
  else
    return 1
  fi
  major=$(qemu_major "${QEMU[@]}")
  [ "${major:-0}" -ge "$QEMU_OLDEST" ] || return 1
  for v in "$q"/{virtiofsd,usr/libexec/virtiofsd,usr/lib/qemu/virtiofsd} /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
    [ -x "$v" ] || continue
    VIRTIOFSD=(env "LD_LIBRARY_PATH=$libs" "$v")
    case $("${VIRTIOFSD[@]}" --help 2>&1) in
      *--shared-dir*) VIRTIOFSD_KIND=rust ;;
      *sandbox=*) VIRTIOFSD_KIND=c ;;
      *) continue ;;
    esac
    return 0
  done
  return 1
}

# Unpacks QEMU with the libraries this machine lacks, and virtiofsd, into the cache.
fetch_qemu() {
  local code target want dest=$CACHE/$QEMU_DIR_NAME pkgs vfs
  if find_qemu; then return 0; fi
  code=$(host_codename)
  for target in "$code" "$code-backports"; do
    want=$(suite_version qemu-system-x86 "$target")
    if [ -n "$want" ] && dpkg --compare-versions "${want#*:}" ge "$QEMU_OLDEST"; then break; fi
    want=
  done
  [ -n "$want" ] || die "$EX_LACK" "no QEMU $QEMU_OLDEST or newer in $code or $code-backports"
  say "fetching QEMU ${want#*:}"
  # The simulated installation names exactly the packages that this machine lacks for QEMU.
  mapfile -t pkgs < <(lab_apt_get -o "APT::Default-Release=$target" -s --no-install-recommends install \
    "qemu-system-x86=$want" | sed -nE 's/^Inst ([^ ]+) (\[[^]]*\] )?\(([^ ]+) .*/\1=\3/p')
  [ "${#pkgs[@]}" -gt 0 ] || die "$EX_LACK" "apt finds no way to install qemu-system-x86 $want"
  unpack_debs "$dest.new" "${pkgs[@]}" || die "$EX_LACK" "download of QEMU failed"
  if [ -n "$(suite_version virtiofsd "$code")" ]; then
    vfs=virtiofsd=$(suite_version virtiofsd "$code")
  else # Debian 12: the C virtiofsd is part of QEMU 7.2's common files
    vfs=qemu-system-common=$(suite_version qemu-system-common "$code")
  fi
  unpack_debs "$dest.vfs" "$vfs" || die "$EX_LACK" "download of virtiofsd failed"
  if [ -e "$dest.vfs/usr/libexec/virtiofsd" ]; then
    mv "$dest.vfs/usr/libexec/virtiofsd" "$dest.new/virtiofsd"
  else
    mv "$dest.vfs/usr/lib/qemu/virtiofsd" "$dest.new/virtiofsd"
  fi
  rm -rf "$dest" "$dest.vfs"
  mv "$dest.new" "$dest"
  find_qemu || die "$EX_LACK" "QEMU $want was unpacked in $dest, but does not start: try '$dest/usr/bin/qemu-system-x86_64 --version'"
}

# suite_version PACKAGE SUITE: the version that suite has.
suite_version() {
  lab_apt_cache madison "$1" 2>/dev/null | awk -F' *[|] *' -v s="$2" '{ split($3, a, " "); sub("/.*", "", a[2]); sub("^ *", "", $2); if (a[2] == s || a[2] == s "-security") { print $2; exit } }'
}

# kvm_works SERIES: does /dev/kvm really boot this kernel? Some hosts' KVM is paravirtual only and hangs
# stock kernels, so only a boot tells. The verdict holds until the host reboots; 'fetch' asks for it too.
kvm_works() {
  local verdict
  if [ ! -w /dev/kvm ]; then return 1; fi
  verdict=$CACHE/kvm.$(tr -d - </proc/sys/kernel/random/boot_id)
  if [ ! -s "$verdict" ]; then
    rm -f "$CACHE"/kvm.*
    say "trying whether /dev/kvm boots a kernel (up to 10 s, once until the next reboot)"
    if "$LAB_SELF" "$1" --accel kvm --timeout 10 -- true >/dev/null 2>&1; then
      echo yes >"$verdict"
    else
      echo no >"$verdict"
    fi
  fi
  [ "$(cat "$verdict")" = yes ]
}
