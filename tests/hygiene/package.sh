#!/bin/bash
# tests/hygiene/package.sh [ROOT]: the Debian package, and what `cmake --install` puts into a DESTDIR: the right files in the right
# places, the right dependencies. Uses $FLYBALL_BUILD or build/release, which has to be built.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
build=${FLYBALL_BUILD:-build/release}

skip() {
  echo "skipped: package: $1"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}
for tool in cpack dpkg-deb dpkg-shlibdeps readelf; do
  command -v "$tool" >/dev/null || skip "$tool is not installed"
done
if [ ! -x "$build/flyball" ] || [ ! -x "$build/flyball-workload" ] || [ ! -e "$build/packaging/flyball.1.gz" ]; then skip "$build is not built (tools/build)"; fi

passed=0 failed=0
check() { # NAME CMD...
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $name"; fi
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The build directory stays as it is: cpack works elsewhere.
if ! (umask 077 && cpack --config "$build/CPackConfig.cmake" -G DEB -B "$dir/pack") >"$dir/log" 2>&1; then
  cat "$dir/log"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
deb=$(find "$dir/pack" -maxdepth 1 -name '*.deb')
version=$(sed -n 's/^  VERSION \([0-9.]*\)$/\1/p' CMakeLists.txt)
arch=$(dpkg --print-architecture)
check "one package, named after its version and architecture" [ "${deb##*/}" = "flyball_${version}_$arch.deb" ]
mkdir "$dir/root" "$dir/control"
dpkg-deb -x "$deb" "$dir/root"
dpkg-deb -e "$deb" "$dir/control"
control=$dir/control/control

field() { dpkg-deb -f "$deb" "$1"; }
check "Version" [ "$(field Version)" = "$version" ]
check "Architecture" [ "$(field Architecture)" = "$arch" ]
check "a maintainer" grep -q '^Maintainer: .*<.*@.*>$' "$control"
check "a summary of one line" [ "$(field Description | head -1 | wc -c)" -gt 20 ]
# A library by its own name may be another one elsewhere: each must come with the version that it needs.
depends=$(field Depends)
for library in libc6 libstdc++6 libbpf1 libgcc-s1 libelf1 zlib1g libzstd1; do
  check "Depends has $library" grep -qE "(^|, )${library/++/\\+\\+}[a-z0-9]* \(>= [0-9]" <<<"$depends"
done
check "Depends has nothing that only one release has: $depends" [ "$(tr ',' '\n' <<<"$depends" | wc -l)" = 7 ]
check "the summary is said once" [ "$(field Description | grep -ciF "$(field Description | head -1)")" = 1 ]
check "its changelog is about this version" [ "$(dpkg-parsechangelog -l packaging/changelog -S Version)" = "$version" ]
check "no scripts of its own" [ "$(find "$dir/control" -type f ! -name control ! -name md5sums | wc -l)" = 0 ]

# files ROOT: what is installed, relative.
files() { (cd "$1" && find . -type f | sort); }
files "$dir/root" >"$dir/files"
echo "the package has $(wc -l <"$dir/files") files"
doc=usr/share/doc/flyball
lab=usr/share/flyball/tools/lab
{
  printf '%s\n' ./usr/bin/flyball ./usr/bin/flyball-workload ./usr/share/lintian/overrides/flyball
  for page in docs/man/*.1; do echo "./usr/share/man/man1/${page##*/}.gz"; done
  for name in copyright README.md CHANGELOG.md changelog.gz; do echo "./$doc/$name"; done
  echo "./$lab"
  find tools/lab.d -type f | sed "s|^tools|./${lab%/*}|"
  find examples -type f | sed "s|^|./$doc/|"
  find docs \( -name '*.md' -o -name '*.schema.json' \) | sed "s|^|./$doc/|"
} | sort >"$dir/expected"
check "these files, and no others" diff -u "$dir/expected" "$dir/files"
# Directories and programs 755, all else 644.
programs=(-path "$dir/root/usr/bin/*" -o -path "$dir/root/$lab" -o -path "$dir/root/$lab.d/init" -o -path "$dir/root/$lab.d/run.sh")
modes=$(find "$dir/root" \( -type d -o "${programs[@]}" \) ! -perm 755 -printf '%m %P\n'
  find "$dir/root" -type f ! \( "${programs[@]}" \) ! -perm 644 -printf '%m %P\n')
check "modes: $modes" [ -z "$modes" ]
owners=$(dpkg-deb -c "$deb" | awk '$2 != "root/root"')
check "owned by root: $owners" [ -z "$owners" ]
commit=$(git -c safe.directory="$PWD" rev-parse --short=8 HEAD 2>/dev/null || true)
said=$("$dir/root/usr/bin/flyball" --version)
if [ -e .git ] && [ -n "$commit" ]; then
  check "it runs, and tells the version and the commit: $said" grep -qxE "flyball $version \($commit(-dirty)?\)" <<<"$said"
else
  check "it runs, and tells the version: $said" [ "$said" = "flyball $version" ]
fi
"$dir/root/$lab" --help >"$dir/help" || true
check "the lab is beside it, and runs" grep -q '^usage: tools/lab KERNEL' "$dir/help"
check "flyball finds it there" grep -q "^lab: '0' " <("$dir/root/usr/bin/flyball" oom test --lab 0 2>&1)
for program in flyball flyball-workload; do
  check "$program is stripped" [ "$(readelf -SW "$dir/root/usr/bin/$program" | grep -cE '\.(symtab|debug_[a-z]+) ')" = 0 ]
done
here=$(pwd -P)
check "no path of this machine in it" [ "$(grep -rlaF "$here" "$dir/root" | wc -l)" = 0 ]
for page in "$dir"/root/usr/share/man/man1/*.gz; do
  check "${page##*/} is compressed, without a time stamp" [ "$(od -An -tx1 -j4 -N4 "$page" | tr -d ' ')" = 00000000 ]
done
# The readme's links to docs/ hold where it is installed.
links=0 broken=''
while IFS= read -r link; do
  links=$((links + 1))
  [ -e "$dir/root/$doc/$link" ] || broken+=" $link"
done < <(grep -oE '\]\(docs/[^)#]*' README.md | sed 's/^](//')
check "the readme's $links links to docs/ hold, but not:$broken" [ "$links" -gt 0 -a -z "$broken" ]

skipped=0
if command -v lintian >/dev/null; then
  said=$(lintian --allow-root --fail-on error,warning "$deb" 2>&1) || true
  check "lintian finds nothing: $said" [ -z "$said" ]
else
  skipped=1
  echo "skipped: lintian is not installed (tools/setup)"
fi

DESTDIR=$dir/dest cmake --install "$build" --prefix /opt/flyball >"$dir/log" 2>&1 || cat "$dir/log"
files "$dir/dest" | sed 's|^\./opt/flyball/|./usr/|' | sort >"$dir/installed"
check "cmake --install puts the same files below another prefix" diff -u "$dir/expected" "$dir/installed"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
