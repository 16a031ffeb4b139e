#!/bin/bash
# tests/hygiene/shell.sh [ROOT]: shellcheck finds nothing in the project's scripts.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

if ! command -v shellcheck >/dev/null; then
  echo "skipped: shell scripts: shellcheck is not installed"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi

mapfile -t scripts < <(
  find tools tests packaging examples .ci -type f -not -path '*/corpus/*' 2>/dev/null |
    while IFS= read -r file; do
      case $(head -c 64 "$file" | tr -d '\0' | head -1) in
        '#!'*bash* | '#!/bin/sh'* | '# shellcheck shell='*) echo "$file" ;;
      esac
    done | sort
)
passed=0 failed=0
for script in "${scripts[@]}"; do
  if shellcheck -x "$script"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
[ "$((passed + failed))" -gt 0 ] || failed=1
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
