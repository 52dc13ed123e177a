#!/bin/sh
# Leaves `interpreter` (its path, one line; bin/py reads it) and `facts.txt` (what it is).
set -eu

if ! command -v "$PYTHON" > /dev/null; then
    # A test may judge itself; the message becomes its comment.
    "$MT_MEGATEST" -test-status :state COMPLETED :status FAIL -m "there is no command $PYTHON on PATH"
    exit 1
fi

# The command may be a wrapper; what it starts is what we test.
"$PYTHON" -I -c 'import sys; print(sys.executable)' > interpreter
"$MT_RUN_AREA_HOME/bin/py" describe.py > facts.txt
cat facts.txt
