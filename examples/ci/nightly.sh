#!/usr/bin/env bash
# Measures on the boards of this runner, and compares with an earlier night from the
# store: the last one that measured anything, or the run that HIL_BASE names.
# HIL_RUNS is a folder that outlives the checkout; the store lies in it.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${HIL_RUNS:-$HOME/hil-runs}
export HIL_STORE=${HIL_STORE:-$runs/hil.db}
out=hil-out
rm -rf "$out"
mkdir -p "$out" "$runs"

status=0
worse() { if [ "$1" -gt "$status" ]; then status=$1; fi; }

last_night() { find "$runs" -maxdepth 1 -name '*-nightly' | sort | tail -n 1; }
before=$(last_night)

# The folders may hold more than the store, which may be a database that was away.
if [ -n "$before" ]; then hil results import "$runs" || worse $?; fi
base=
if [ -n "$before" ] || [ -n "${HIL_BASE:-}" ]; then
  base=$(hil results list --runs --run "${HIL_BASE:-*-nightly}" --status ok --limit 1 --json |
    python3 -c 'import json, sys; print(*(r["path"] for r in json.load(sys.stdin)["runs"]))') ||
    worse $?
fi

hil bench ci/nightly.toml --out "$runs" || worse $?
night=$(last_night)
# Where nothing was measured, an earlier night must not be taken for this one.
if [ "$night" = "$before" ]; then exit "$status"; fi
hil results import "$runs" || worse $?

if [ -n "$base" ]; then
  hil compare "$base" "$night" --gate \
    'latency<+5%' 'arena<=+0B' 'accuracy>=-1pt' | tee "$out/compare.txt" || worse $?
else
  echo "there is no earlier night to compare with"
fi
mapfile -t nights < <(find "$runs" -maxdepth 1 -name '*-nightly' | sort | tail -n 30)
hil report "${nights[@]}" --output "$out/report.html" || worse $?
hil report "$night" --format junit --output "$out/junit.xml" || worse $?
exit "$status"
