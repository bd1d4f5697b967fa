#!/bin/sh
# Runs a program of the checkout's environment: `scripts/run.sh data-pipeline demo`.
# The folder of the environment comes first on PATH, and JAVA_HOME is the JDK that set-up found where the machine's own is not fit.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
if [ -r "$root/.cache/setup/java_home" ]; then
    JAVA_HOME=$(cat "$root/.cache/setup/java_home")
    export JAVA_HOME
fi
PATH=$root/.venv/bin:$PATH
export PATH
# Where a machine forbids .pyc files, every start of Dagster would compile some thousand modules anew; .venv is ours to write into.
unset PYTHONDONTWRITEBYTECODE
exec "$@"
