#!/bin/bash
# tests/hygiene/tidy.sh [ROOT]: clang-tidy finds nothing in the C++ files that changed (tools/tidy --changed), as far as it comes
# within 100 s; what it did not come to counts as skipped.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

for tool in clang-tidy-19 clang++-19; do
  if ! command -v "$tool" >/dev/null; then
    echo "skipped: clang-tidy: $tool is not installed (tools/setup)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
  fi
done
if ! git rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
  echo "skipped: clang-tidy: this is no git repository, there is no telling what changed"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi

# The check itself has to see what it is for.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo 'int* seeded() { return 0; }' >"$dir/seeded.cpp"
if ! clang-tidy-19 --quiet --config-file=.clang-tidy "$dir/seeded.cpp" -- 2>/dev/null | grep -q 'modernize-use-nullptr'; then
  echo "FAILED: clang-tidy-19 does not find the fault seeded in a file"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
tools/tidy --changed --within 100
