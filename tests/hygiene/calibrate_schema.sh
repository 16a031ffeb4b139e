#!/bin/bash
# tests/hygiene/calibrate_schema.sh [ROOT]: docs/calibrate.schema.json takes every example and refuses what is broken.
# Needs python3-jsonschema; what only flyball can tell (own-*.json) is left to its unit tests.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

python=
for one in python3 /usr/bin/python3; do
  if "$one" -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; then
    python=$one
    break
  fi
done
if [ -z "$python" ]; then
  echo "SKIPPED: no python3-jsonschema with draft 2020-12"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi

"$python" - <<'END'
import glob, json, sys
import jsonschema
sys.dont_write_bytecode = True
sys.path.insert(0, "tests/support")
from jsonc import load

schema = load("docs/calibrate.schema.json")
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
passed = failed = 0

def verdict(good, what):
    global passed, failed
    passed, failed = passed + good, failed + (not good)
    if not good:
        print("FAILED:", what)

right = sorted(glob.glob("examples/*/*.json"))
verdict(len(right) >= 4, "there are examples")
for path in right:
    errors = list(validator.iter_errors(load(path)))
    verdict(not errors, f"{path}: {errors[0].json_path + ': ' + errors[0].message if errors else ''}")

# Names in `ignore` are foreign to the schema.
full = load("tests/golden/calibrate-full.json")
for name in full["ignore"]:
    full.pop(name, None)
errors = list(validator.iter_errors(full))
verdict(not errors, f"calibrate-full.json: {errors[0].json_path + ': ' + errors[0].message if errors else ''}")

wrong = [path for path in sorted(glob.glob("tests/golden/calibrate-broken/*.json")) if "/own-" not in path]
verdict(len(wrong) >= 15, "there are broken examples")
for path in wrong:
    verdict(not validator.is_valid(load(path)), f"{path} is taken")

# Each value of the full example replaced by one that is right nowhere.
def places(value, at=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield at + (key,)
        yield from places(inner, at + (key,))

for place in places(full):
    if str(place[-1]).startswith("x-"):
        continue
    broken = json.loads(json.dumps(full))
    parent = broken
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = [[]]
    verdict(not validator.is_valid(broken), f"{'.'.join(map(str, place))}: [[]] is taken")

print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(1 if failed else 0)
END
