#!/usr/bin/env bash
# Measures on emulated devices, holds the figures to ci/baseline, and writes
# hil-out/comment.md for the reviewer and hil-out/junit.xml for the CI.
# Exit status: 0 all well; 1 a gate is broken or a row failed; 2 or 3 what hil said.
set -euo pipefail
cd "$(dirname "$0")/.."
out=hil-out
rm -rf "$out"
mkdir "$out"

status=0
worse() { if [ "$1" -gt "$status" ]; then status=$1; fi; }

hil bench ci/gate.toml --out "$out/runs" || worse $?
run=$(find "$out/runs" -maxdepth 1 -name '*-gate' 2>/dev/null || true)
if [ -z "$run" ]; then exit "$status"; fi

mapfile -t gates <ci/gates.txt
hil compare ci/baseline "$run" "${gates[@]}" >"$out/compare.txt" 2>&1 || worse $?
cat "$out/compare.txt"

hil report "$run" --format junit --output "$out/junit.xml" || worse $?
{
  if [ "$status" = 0 ]; then echo "## hil: all gates hold"
  else echo "## hil: not accepted (exit status $status)"
  fi
  # Indented lines are shown as they are, whatever stands in them.
  printf '\n'
  sed 's/^/    /' "$out/compare.txt"
  printf '\n'
  hil report "$run" --format markdown
} >"$out/comment.md" || worse $?
exit "$status"
