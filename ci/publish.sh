#!/usr/bin/env bash
# Shows the report of the newest review on the pull request that this job is for.
# BELAY: the binary. NAME, FAIL_ON, ARTEFACT_URL: as the options of `belay publish`.
set -euo pipefail
options=(--name "${NAME:-default}" --fail-on "${FAIL_ON:-high}")
if [[ -n ${ARTEFACT_URL:-} ]]; then options+=(--artefact "$ARTEFACT_URL"); fi
run=latest
if [[ -f belay-report/run ]]; then run=$(<belay-report/run); fi
exec "$BELAY" publish "$run" "${options[@]}"
