#!/usr/bin/env bash
# Puts the reconciler of this very checkout on the PATH of the steps that follow, with the libraries of its lock file.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
place=$RUNNER_TEMP/reconciler
if [ -n "${RECONCILER_COMMAND:-}" ]; then
    # One that is installed already.
    mkdir -p "$place/bin"
    ln -sf "$(command -v "$RECONCILER_COMMAND")" "$place/bin/reconciler"
elif [ ! -x "$place/bin/reconciler" ]; then
    python3 -m venv "$place"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        --requirement "$root/requirements-run.lock"
    "$place/bin/python" - "$root" <<'PYTHON'
import sys, sysconfig
with open(sysconfig.get_path("purelib") + "/reconciler.pth", "w") as file:
    file.write(sys.argv[1] + "\n")
PYTHON
    printf '#!/bin/sh\nexec "%s/bin/python" -m reconciler "$@"\n' "$place" >"$place/bin/reconciler"
    chmod +x "$place/bin/reconciler"
fi
echo "$place/bin" >>"$GITHUB_PATH"
