#!/bin/sh
# Starts the environment that this file is in; `exec`, so that to end this is to end the solver.
exec "${0%/*}/python" -I "${0%/*}/../smtlib.py" "$@"
