# shellcheck shell=bash
# Which kernels there are, which are fetched, and how to fetch one.

readonly LAB_SERIES=(6.1 6.12 6.18 7.2)
readonly LAB_REQUIRED=' 6.1 6.12 7.2 ' # the others may leave the archive

# Prints "version<TAB>release<TAB>packages" for each complete cloud kernel in the private apt's lists.
# Up to 6.18 one package holds all. From 6.19 on linux-image is a meta package, and the pieces are
# linux-binary (vmlinuz) and linux-modules; an archive may hold one piece without the other, and the
# signed binary appears some time after the unsigned one.
kernel_table() {
  lab_apt_cache dumpavail | awk '
    /^Package: / { p = $2 }
    /^Version: / { v = $2; have = p ~ /^linux-(image|binary|binary-unsigned|modules|base)-[0-9].*-cloud-amd64$/; if (have) seen[p, v] = 1 }
    /^Depends: / && have && p ~ /^linux-image-/ { split_[p, v] = / linux-binary-/ }
    END {
      for (k in seen) {
        split(k, a, SUBSEP); p = a[1]; v = a[2]
        if (p ~ /^linux-image-/ && !split_[p, v]) {
          r = substr(p, 13); print v "\t" r "\t" p "=" v
        } else if (p ~ /^linux-modules-/) {
          r = substr(p, 15); b = "linux-binary-" r; u = "linux-binary-unsigned-" r
          m = p "=" v; base = "linux-base-" r
          if ((base, v) in seen) m = m " " base "=" v   # holds modules.builtin
          if ((b, v) in seen) print v "\t" r "\t" b "=" v " " m
          else if ((u, v) in seen) print v "\t" r "\t" u "=" v " " m
        }
      }
    }' | sort -V
}

series_of() { sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$1"; }

# available SERIES: the newest row of that series ("newest": of all).
available() {
  [ -s "$CACHE/apt/kernels.tsv" ] || return 0
  awk -F'\t' -v s="$1" 's == "newest" || $1 ~ "^" s "[.]" || $1 ~ "^" s "-" { row = $0 } END { if (row) print row }' "$CACHE/apt/kernels.tsv"
}

# fetched SERIES: the directory of the newest fetched kernel of that series.
fetched() {
  local d best=
  while IFS= read -r d; do
    if [ "$1" = newest ] || [ "$(series_of "${d##*/}")" = "$1" ]; then best=$d; fi
  done < <(find "$CACHE/kernels" -mindepth 1 -maxdepth 1 -type d -name '*-cloud-amd64' 2>/dev/null | sort -V)
  [ -z "$best" ] || echo "$best"
}

# resolve SERIES: 'newest' becomes the newest series that the archive, or else the cache, has.
resolve() {
  local row dir
  row=$(available newest)
  dir=$(fetched newest)
  if [ "$1" != newest ]; then
    echo "$1"
  elif [ -n "$row" ]; then
    series_of "$row"
  elif [ -n "$dir" ]; then
    series_of "${dir##*/}"
  else
    echo newest # nothing is known yet
  fi
}

check_series() {
  case $1 in
    newest) ;;
    *[!0-9.]* | .* | *. | *.*.*) die "$EX_USAGE" "'$1' is no kernel series: use one like ${LAB_SERIES[*]} or 'newest'" ;;
    [0-9]*.[0-9]*) ;;
    *) die "$EX_USAGE" "'$1' is no kernel series: use one like ${LAB_SERIES[*]} or 'newest'" ;;
  esac
}

fetch_kernel() { # SERIES
  local row version release packages dest old tree
  row=$(available "$1")
  if [ -z "$row" ]; then
    if [ -n "$(fetched "$1")" ]; then return 0; fi
    say "kernel $1: no suite of Debian's archive that this machine's mirror serves has it (see: tools/lab list)"
    return 1
  fi
  IFS=$'\t' read -r version release packages <<<"$row"
  dest=$CACHE/kernels/$release
  if [ "$(cat "$dest/lab-version" 2>/dev/null)" = "$version" ]; then return 0; fi
  say "fetching kernel $version"
  tree=$CACHE/unpack-$release
  # shellcheck disable=SC2086 # a list of package names
  if ! unpack_debs "$tree" $packages; then
    if [ "${2:-}" != again ]; then # the archive may have moved on since its indexes were read
      lab_apt_update 0
      fetch_kernel "$1" again
      return
    fi
    say "kernel $1: the download of $version failed (see above)"
    return 1
  fi
  install_kernel "$tree" "$release" "$version" || return 1
  while IFS= read -r old; do # one kernel of a series is enough
    if [ "$old" != "$dest" ] && [ "$(series_of "${old##*/}")" = "$(series_of "$release")" ]; then rm -rf "$old"; fi
  done < <(find "$CACHE/kernels" -mindepth 1 -maxdepth 1 -type d)
}

# install_kernel TREE RELEASE VERSION: keeps vmlinuz and the modules, renames last.
install_kernel() {
  local tree=$1 release=$2 version=$3 image modules new=$CACHE/kernels/.new.$$
  image=$(find "$tree" -name "vmlinuz*" -type f | head -1)
  modules=$(find "$tree" -type d -path "*/lib/modules/$release" | head -1)
  if [ -z "$image" ] || [ -z "$modules" ]; then
    rm -rf "$tree"
    say "kernel $version: its packages hold no vmlinuz or no modules"
    return 1
  fi
  rm -rf "$new"
  mkdir -p "$new/modules" && mv "$image" "$new/vmlinuz" && mv "$modules" "$new/modules/$release" &&
    echo "$version" >"$new/lab-version" && rm -rf "$CACHE/kernels/$release" &&
    mv "$new" "$CACHE/kernels/$release" && rm -rf "$tree"
}

# What an interrupted fetch left; the lock makes sure that no other one is at it.
clean_unpacking() { rm -rf "$CACHE"/unpack-* "$CACHE/$QEMU_DIR_NAME".* "$CACHE"/kernels/.new.*; }

lab_fetch() {
  local s failed=0 fatal="$*"
  if [ $# -eq 0 ]; then
    set -- "${LAB_SERIES[@]}" newest
    fatal=$LAB_REQUIRED
  fi
  for s in "$@"; do check_series "$s"; done
  if [ "$(id -u)" = 0 ]; then lab_setup; fi
  check_tools
  locked fetch clean_unpacking
  locked fetch lab_apt_update 3600
  locked fetch fetch_qemu
  for s in "$@"; do
    if ! locked fetch fetch_kernel "$s"; then
      case " $fatal " in *" $s "*) failed=1 ;; esac
    fi
  done
  for s in "$@"; do
    if [ -n "$(fetched "$s")" ] && [ "$(id -u)" = 0 ]; then
      kvm_works "$s" || true # so that no run has to wait for the verdict
      break
    fi
  done
  [ "$failed" = 0 ] || exit "$EX_LACK"
}

# suites_of PACKAGE=VERSION: the suites that serve it, without the mirror's name.
suites_of() {
  lab_apt_cache madison "${1%%=*}" | awk -F' *[|] *' -v v="${1#*=}" '$2 == v { split($3, a, " "); sub("/.*", "", a[2]); print a[2] }' | sort -u | paste -sd, -
}

lab_list() {
  local s row dir version packages state from
  locked fetch lab_apt_update 86400
  printf '%-8s %-20s %-28s %s\n' SERIES VERSION STATE FROM
  for s in "${LAB_SERIES[@]}" newest; do
    row=$(available "$s")
    dir=$(fetched "$(resolve "$s")")
    state='not fetched' from='no suite of the archive has it' version=-
    if [ -n "$row" ]; then
      IFS=$'\t' read -r version _ packages <<<"$row"
      from=$(suites_of "${packages%% *}")
    fi
    if [ -n "$dir" ]; then
      if [ -n "$row" ] && [ "$version" != "$(cat "$dir/lab-version")" ]; then
        state="fetched $(cat "$dir/lab-version")"
      else
        version=$(cat "$dir/lab-version") state=fetched
      fi
    elif [ -z "$row" ]; then
      state='left the archive'
    fi
    printf '%-8s %-20s %-28s %s\n' "$s" "$version" "$state" "$from"
  done
}
