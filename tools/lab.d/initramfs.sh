# shellcheck shell=bash
# Builds the initramfs of one kernel: a static busybox, the modules the guest needs, and the guest's init.

# null_blk is always there, so that tests need not ask for it.
readonly LAB_MODULES=(virtio_pci virtiofs virtio_blk null_blk)

# module_file KERNEL_DIR NAME: the file of that module; nothing when it is built in.
module_file() {
  local pattern=${2//_/[-_]}
  find "$1/modules" \( -name "$pattern.ko" -o -name "$pattern.ko.xz" \) | head -1
}

# initramfs KERNEL_DIR: sets INITRAMFS to the file for that kernel and OPT_MODULES. Its name is a hash of
# all that goes in, so a change of kernel, busybox, init or module list makes a new one.
initramfs() {
  local dir=$1 key
  key=$({ cat "$dir/lab-version" "$LAB_D/init" "$LAB_D/initramfs.sh" "$(command -v busybox)"
    echo "${dir##*/} ${LAB_MODULES[*]} ${OPT_MODULES[*]}"; } | sha256sum | cut -c1-16)
  INITRAMFS=$CACHE/initramfs/$(series_of "${dir##*/}")-$key.cpio
  [ -s "$INITRAMFS" ] || locked initramfs build_initramfs "$dir" "$INITRAMFS"
}

build_initramfs() { # KERNEL_DIR FILE
  local dir=$1 file=$2 tmp m
  if [ -s "$file" ]; then return 0; fi # another lab built it while this one waited
  mkdir -p "${file%/*}"
  find "$CACHE" -maxdepth 1 -type d -name "initramfs.*" -exec rm -rf {} + # of an interrupted build
  find "${file%/*}" -name '*.cpio' -mtime +7 -delete
  tmp=$(mktemp -d "$CACHE/initramfs.XXXXXX")
  mkdir -p "$tmp"/{bin,dev,proc,sys,share,root,modules}
  cp "$(command -v busybox)" "$tmp/bin/busybox"
  cp "$LAB_D/init" "$tmp/init"
  chmod 755 "$tmp/init" "$tmp/bin/busybox"
  : >"$tmp/modules/order"
  for m in "${LAB_MODULES[@]}" "${OPT_MODULES[@]}"; do
    if [ -z "$(module_file "$dir" "$m")" ] && ! grep -qs "/${m//_/[-_]}\.ko\$" "$dir"/modules/*/modules.builtin; then
      rm -rf "$tmp"
      die "$EX_LACK" "kernel ${dir##*/} has no module '$m'"
    fi
    add_module "$dir" "$m" "$tmp/modules"
  done
  # Not compressed: the kernel would spend longer on decompressing it under TCG than QEMU on loading it.
  (cd "$tmp" && find . -mindepth 1 | cpio -o -H newc --quiet >"$file.$$")
  mv "$file.$$" "$file"
  rm -rf "$tmp"
}

# add_module KERNEL_DIR NAME TARGET: copies a module after those it depends on; TARGET/order lists them in
# the order of insertion. The dependencies are read from the module itself: Debian's packages ship no modules.dep.
add_module() {
  local name=${2//-/_} file dep
  if [ -e "$3/$name.ko" ]; then return 0; fi
  file=$(module_file "$1" "$name")
  if [ -z "$file" ]; then return 0; fi
  case $file in
    *.xz) xz -dc "$file" >"$3/$name.ko" ;;
    *) cp "$file" "$3/$name.ko" ;;
  esac
  for dep in $(tr '\0' '\n' <"$3/$name.ko" | grep -a '^depends=' | head -1 | cut -d= -f2 | tr ',' ' '); do
    add_module "$1" "$dep" "$3"
  done
  echo "$name" >>"$3/order"
}
