#!/bin/bash
# tests/hygiene/man.sh [ROOT]: every verb has a manual page, and the page has the options of `flyball VERB --help`, no fewer and
# no more. A verb that has verbs below it and no options (`oom`) has no page of its own, but they have: flyball-oom-watch.1. One that has both
# (`calibrate`) has a page, which has the verbs below it and their options as well. Uses $FLYBALL_BIN or build/release/flyball.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"
flyball=${FLYBALL_BIN:-build/release/flyball}

passed=0 failed=0 skipped=0
verdict() { # STATUS NAME
  if [ "$1" = 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $2"
  fi
}

# of_help: the options in CLI11's help on stdin, one a line; of_page: those that have an item of their own in an mdoc page.
of_help() { sed -nE 's/^ +(-[^ ]+).*/\1/p' | tr ',' '\n' | sort -u; }
of_page() {
  awk '$1 == ".It" && $2 == "Fl" {
    for (i = 2; i < NF; i++) if ($i == "Fl") print "-" $(i + 1)
  }' | sort -u
}
# drift VERB HELP PAGE: says how the two differ, and nothing if they do not.
drift() {
  diff <(of_help <"$2") <(of_page <"$3") |
    sed -nE "s/^< (.*)/$1: \1 has no item in the page/p; s/^> (.*)/$1: \1 is in the page only/p" || true
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The check itself has to see what it is for.
printf '%s\n' 'Options:' '  -h,--help     x' '  -o,--output TEXT ...  -x is no option here' '  --all   x' >"$dir/help"
printf '%s\n' '.It Fl h , Fl -help' 'text' '.It Fl o , Fl -output Ar file' '.It Fl -al' >"$dir/page"
seen=$(drift seeded "$dir/help" "$dir/page")
status=0
[ "$seen" = $'seeded: --all has no item in the page\nseeded: --al is in the page only' ] || status=1
verdict $status "the check finds the two differences seeded in it; it found: $seen"

# lint PAGE: as strict a reader as there is here.
lint() {
  if command -v mandoc >/dev/null; then
    # Warnings and errors; its remarks on style are matters of taste.
    mandoc -T lint -W warning "$1"
  else
    groff -mandoc -Tutf8 -ww "$1" >/dev/null
  fi
}
if command -v mandoc >/dev/null || command -v groff >/dev/null; then
  for page in docs/man/*.1; do
    said=$(lint "$page" 2>&1) || true
    status=0
    [ -z "$said" ] || status=1
    verdict $status "$page is well-formed: $said"
  done
else
  skipped=$((skipped + 1))
  echo "skipped: form of the pages: neither mandoc nor groff is installed"
fi

if [ ! -x "$flyball" ]; then
  echo "skipped: options in the pages: there is no $flyball (tools/build)"
  echo "$passed passed, $failed failed, $((skipped + 1)) skipped"
  [ "$failed" = 0 ]
  exit
fi

# compare PAGE [VERB...]
compare() {
  local page=docs/man/$1 said='' verb
  shift
  if [ ! -e "$page" ]; then
    verdict 1 "there is no $page"
    return
  fi
  "$flyball" "$@" --help >"$dir/help"
  if [ -s "$dir/help" ] && [ -n "$(of_help <"$dir/help")" ]; then
    # Its own verbs are told in the same page.
    if [ $# -gt 0 ]; then
      for verb in $(below "$@"); do
        "$flyball" "$@" "$verb" --help >>"$dir/help"
        grep -q "^\.It Cm $verb\$" "$page" || said+="$* $verb has no item in the page"$'\n'
      done
    fi
    said+=$(drift "${*:-flyball}" "$dir/help" "$page")
  else
    said="no options in the help"
  fi
  local status=0
  if [ -n "$said" ]; then
    echo "$said"
    status=1
  fi
  verdict $status "$page has the options of \`flyball $*\`"
}

# below [VERB...]: the verbs right below this one. bare VERB...: it has no options. leaves: those with a page, the words of one a line.
below() { "$flyball" "$@" --help | sed -nE '/^Subcommands:/,$s/^  ([a-z][a-z-]*) .*/\1/p'; }
bare() { [ "$("$flyball" "$@" --help | of_help | xargs)" = "--help -h" ]; }
leaves() {
  local verbs verb
  mapfile -t verbs < <(below "$@")
  if [ $# -gt 0 ] && { [ "${#verbs[@]}" = 0 ] || ! bare "$@"; }; then
    echo "$*"
    return
  fi
  for verb in "${verbs[@]}"; do leaves "$@" "$verb"; done
}

compare flyball.1
names=' '
while read -ra words; do
  verb=${words[*]} name=flyball-${words[0]}
  for word in "${words[@]:1}"; do name+=-$word; done
  names+="$name "
  compare "$name.1" "${words[@]}"
  status=0
  grep -q "^\.It Cm $verb\$" docs/man/flyball.1 && grep -q "^\.Xr $name 1" docs/man/flyball.1 || status=1
  verdict $status "flyball.1 names $verb and its page"
done < <(leaves)
status=0
[ "$names" != ' ' ] || status=1
verdict $status "there are verbs in \`flyball --help\`"
for page in docs/man/flyball-*.1; do
  name=${page##*/} name=${name%.1}
  if [ "$name" = flyball-workload ]; then continue; fi # another program's
  status=0
  [[ $names = *" $name "* ]] || status=1
  verdict $status "$page is about a verb that exists"
done

# flyball-workload: each verb of its usage is an item of its page, with the same options.
workload=${flyball%/*}/flyball-workload
if [ -x "$workload" ]; then
  ("$workload" 2>&1 || true) | sed -n 's/^  //p' | grep -oE '^[a-z-]+|--[a-z-]+' >"$dir/usage" || true
  sed -nE 's/^\.It Cm //p' docs/man/flyball-workload.1 | grep -oE '^[a-z-]+|Fl -[a-z-]+' | sed 's/^Fl -/--/' >"$dir/page" || true
  status=0
  if [ ! -s "$dir/usage" ] || ! diff "$dir/usage" "$dir/page"; then status=1; fi
  verdict $status "flyball-workload.1 has the verbs of its usage, with their options"
else
  skipped=$((skipped + 1))
  echo "skipped: flyball-workload.1: there is no $workload"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
