#!/usr/bin/env bash
# Says which belay binary the other steps use: the one in BELAY, else one built from this source.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
if [[ -z ${BELAY:-} ]]; then
  command -v cargo >/dev/null || {
    echo 'error: neither a belay binary nor cargo is here; name a binary, or install a Rust toolchain' >&2
    exit 3
  }
  cargo install --locked --quiet --path "$source/crates/cli" --root "${RUNNER_TEMP:-$HOME/.cache}/belay"
  BELAY=${RUNNER_TEMP:-$HOME/.cache}/belay/bin/belay
fi
"$BELAY" --version >&2
printf 'belay=%s\n' "$BELAY" >>"${GITHUB_OUTPUT:-/dev/null}"
