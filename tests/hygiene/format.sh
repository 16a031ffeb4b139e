#!/bin/bash
# tests/hygiene/format.sh [ROOT]: the C and C++ files are as .clang-format has them; all of them, which takes 5 s.
# vmlinux/ is generated.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

# The tree is formatted by version 19. What a newer one finds may be a matter of its version, but if it finds nothing, all is well.
format='' newer=0
for name in clang-format-19 clang-format-20 clang-format-21 clang-format-22 clang-format; do
  version=$("$name" --version 2>/dev/null | sed -nE 's/.*version ([0-9]+)\..*/\1/p') || continue
  if [ "${version:-0}" -ge 19 ]; then
    format=$name
    [ "$version" = 19 ] || newer=1
    break
  fi
done
if [ -z "$format" ]; then
  echo "skipped: formatting: clang-format-19 is not installed (tools/setup)"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi

# misformatted FILE...: those of them that are.
misformatted() { "$format" --dry-run -Werror "$@" 2>&1 | sed -nE 's/^([^:]+):[0-9]+:[0-9]+: error: code should be.*/\1/p' | sort -u; }

# The check itself has to see what it is for.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp .clang-format "$dir"
echo 'int  seeded ;' >"$dir/seeded.cpp"
if [ "$(misformatted "$dir/seeded.cpp")" != "$dir/seeded.cpp" ]; then
  echo "FAILED: $format does not find the fault seeded in a file"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi

mapfile -t files < <(find bpf include src tests tools examples -name '*.[ch]' -o -name '*.[ch]pp' | sort)
mapfile -t bad < <(misformatted "${files[@]}")
echo "$format: looked at ${#files[@]} files"
if [ "${#bad[@]}" -gt 0 ] && [ "$newer" = 1 ]; then
  echo "skipped: $format would format differently, which clang-format-19 may not: ${bad[*]}"
  echo "$((1 + ${#files[@]} - ${#bad[@]})) passed, 0 failed, ${#bad[@]} skipped"
  exit 0
fi
for file in "${bad[@]}"; do echo "FAILED: $file: clang-format-19 -i $file"; done
echo "$((1 + ${#files[@]} - ${#bad[@]})) passed, ${#bad[@]} failed, 0 skipped"
[ "${#bad[@]}" = 0 ]
