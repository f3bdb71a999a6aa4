#!/usr/bin/env bash
# Measures on the boards of this runner, and compares with an earlier night from the
# store: the last one, or the run that HIL_BASE names.
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

base=
if [ -e "$HIL_STORE" ] || [ -n "${HIL_BASE:-}" ]; then
  base=$(hil results list --runs --run "${HIL_BASE:-*-nightly}" --limit 1 --json |
    python3 -c 'import json, sys; print(*(r["path"] for r in json.load(sys.stdin)["runs"]))')
fi

hil bench ci/nightly.toml --out "$runs" || worse $?
hil results import "$runs" || worse $?
mapfile -t nights < <(find "$runs" -maxdepth 1 -name '*-nightly' | sort | tail -n 30)
if [ "${#nights[@]}" = 0 ]; then exit "$status"; fi

if [ -n "$base" ]; then
  hil compare "$base" "${nights[-1]}" --gate \
    'latency<+5%' 'arena<=+0B' 'accuracy>=-1pt' | tee "$out/compare.txt" || worse $?
else
  echo "the first night: nothing to compare with"
fi
hil report "${nights[@]}" --output "$out/report.html" || worse $?
hil report "${nights[-1]}" --format junit --output "$out/junit.xml" || worse $?
exit "$status"
