# shellcheck shell=bash
# A private apt: its own lists and cache, so that the machine's apt sees nothing of foreign suites.
# Mirrors come from the machine's own sources, signatures are checked against Debian's keyrings.

readonly LAB_SUITES=(bookworm bookworm-backports trixie trixie-backports forky sid)
readonly LAB_SECURITY_SUITES=(bookworm-security trixie-security)

apt_opts() {
  APT_OPTS=(
    -qq -o "Dir::State=$CACHE/apt/state" -o Dir::State::status=/var/lib/dpkg/status
    -o "Dir::Cache=$CACHE/apt/cache" -o Dir::Etc::sourcelist=/dev/null
    -o "Dir::Etc::sourceparts=$CACHE/apt/sources.d" -o "Dir::Etc::preferences=$CACHE/apt/preferences"
    -o Dir::Etc::preferencesparts=/dev/null -o Acquire::Languages=none
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
    # The _apt user may not reach into a home directory; without this apt warns on every download.
    -o APT::Sandbox::User=root -o APT::Default-Release= -o Acquire::Retries=2
    -o Debug::NoLocking=1
  )
}

lab_apt_get() { apt-get "${APT_OPTS[@]}" "$@"; }
lab_apt_cache() { apt-cache "${APT_OPTS[@]}" "$@"; }

# mirror security|main: the address the machine's own apt uses for that archive of Debian's.
mirror() {
  # shellcheck disable=SC2016 # apt's own placeholders
  apt-get indextargets --format '$(SITE)|$(RELEASE)|$(COMPONENT)|$(LABEL)' 'Created-By: Packages' 2>/dev/null |
    awk -F'|' -v want="$1" '
      $3 != "main" { next }
      $4 != "" && $4 !~ /^Debian/ { next }   # LABEL is empty until the machine ran apt-get update
      { sec = $2 ~ /-security$/ }
      !sec && $2 !~ /^((old)*stable|testing|unstable|sid|buster|bullseye|bookworm|trixie|forky|duke)(-updates|-backports)?$/ { next }
      (want == "security") == sec { print $1; exit }'
}

debian_keyring() {
  local k
  for k in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
    if [ -r "$k" ]; then
      echo "$k"
      return
    fi
  done
  die "$EX_LACK" "Debian's archive keys are missing: install Debian package 'debian-archive-keyring'"
}

# stanza URI SUITE KEYRING: one deb822 source.
stanza() {
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: amd64\nSigned-By: %s\n' "$@"
  # A dated snapshot's Release file is past its Valid-Until by design; its signature is still checked.
  case $1 in */archive/*/[0-9]*) echo 'Check-Valid-Until: no' ;; esac
  echo
}

host_codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

write_apt_root() {
  local main security keyring suite code
  main=$(mirror main)
  security=$(mirror security)
  [ -n "$main" ] || die "$EX_LACK" "apt on this machine knows no mirror of Debian's main archive (apt-get indextargets)"
  keyring=$(debian_keyring)
  code=$(host_codename)
  mkdir -p "$CACHE"/apt/{state/lists/partial,cache/archives/partial,sources.d}
  {
    for suite in "${LAB_SUITES[@]}"; do stanza "$main" "$suite" "$keyring"; done
    if [ -n "$security" ]; then
      for suite in "${LAB_SECURITY_SUITES[@]}"; do stanza "$security" "$suite" "$keyring"; done
    fi
  } >"$CACHE/apt/sources.d/lab.sources"
  # Libraries for QEMU come only from the machine's own release: a newer suite's would want a newer glibc.
  {
    for suite in "${LAB_SUITES[@]}" "${LAB_SECURITY_SUITES[@]}"; do
      case $suite in "$code" | "$code"-*) continue ;; esac
      printf 'Package: *\nPin: release n=%s\nPin-Priority: 1\n\n' "$suite"
    done
  } >"$CACHE/apt/preferences"
}

# lab_apt_update MAX_AGE_SECONDS: refreshes the lists and the table of kernels unless they are young enough.
lab_apt_update() {
  local table=$CACHE/apt/kernels.tsv now out
  apt_opts
  now=$(date +%s)
  if [ -s "$table" ] && [ $((now - $(stat -c %Y "$table"))) -lt "$1" ]; then return; fi
  write_apt_root
  say "reading the indexes of Debian's archive"
  # A suite that the mirror lacks, or whose signature does not verify, is left out by apt itself;
  # the others still count. What matters is whether kernels are found.
  out=$(lab_apt_get update 2>&1) || true
  kernel_table >"$table.$$"
  if [ ! -s "$table.$$" ]; then
    rm -f "$table.$$"
    printf '%s\n' "$out" | grep -E '^[EW]:' | head -5 >&2 || true
    [ -s "$table" ] || die "$EX_LACK" "Debian's archive could not be read (see above); check 'apt-get update'"
    return
  fi
  mv "$table.$$" "$table"
}

# unpack_debs DESTINATION PACKAGE=VERSION...: downloads, checks and unpacks; DESTINATION appears complete or not at all.
unpack_debs() {
  local dest=$1 tmp deb
  shift
  tmp=$(mktemp -d "$dest.XXXXXX") || return 1
  mkdir "$tmp/debs" "$tmp/tree"
  if ! (cd "$tmp/debs" && lab_apt_get download "$@" >&2); then
    rm -rf "$tmp"
    return 1
  fi
  for deb in "$tmp"/debs/*.deb; do
    if ! dpkg-deb -x "$deb" "$tmp/tree"; then
      rm -rf "$tmp"
      return 1
    fi
  done
  rm -rf "$dest" "$tmp/debs"
  mv "$tmp/tree" "$dest" && rmdir "$tmp"
}
