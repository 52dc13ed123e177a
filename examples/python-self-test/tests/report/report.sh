#!/bin/sh
# Leaves `report.txt` and makes it what `megatest log report` shows.
set -eu
"$MT_RUN_AREA_HOME/bin/py" collect.py "$MT_LINKTREE/$MT_TARGET/$MT_RUNNAME" > report.txt
cat report.txt
"$MT_MEGATEST" -setlog report.txt
