#!/usr/bin/env bash
# Reviews the change that is checked out, and leaves the report in three forms in `belay-report`.
# BELAY: the binary. BASE, HEAD, BASE_STATE, FAIL_ON: as the options of `belay impact`; empty is left out.
set -euo pipefail
report=belay-report
mkdir -p "$report"
options=()
if [[ -n ${BASE:-} ]]; then options+=(--base "$BASE"); fi
if [[ -n ${HEAD:-} ]]; then options+=(--head "$HEAD"); fi
if [[ -n ${BASE_STATE:-} ]]; then options+=(--base-state "$BASE_STATE"); fi
verdict=0
"$BELAY" impact "${options[@]}" --fail-on "${FAIL_ON:-high}" --out "$report/report.md" \
  --out "$report/report.html" --out "$report/report.json" || verdict=$?
# Beyond 1 there is no report: the job ends here, loudly.
if ((verdict > 1)); then exit "$verdict"; fi
run=$(sed -n 's/^  "run": "\(.*\)",$/\1/p' "$report/report.json" | head -n 1)
{
  printf 'reviewed=yes\n'
  printf 'verdict=%s\n' "$verdict"
  printf 'report=%s\n' "$PWD/$report"
} >>"${GITHUB_OUTPUT:-/dev/null}"
printf '%s\n' "$run" >"$report/run"
