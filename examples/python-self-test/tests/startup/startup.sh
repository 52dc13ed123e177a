#!/bin/sh
# Starts the interpreter with the target's flags and -$FLAG, STARTS times; records the median.
set -eu
py=$MT_RUN_AREA_HOME/bin/py

"$MT_MEGATEST" -step warm_up :state start :status n/a
"$py" "-$FLAG" -c pass
"$MT_MEGATEST" -step warm_up :state end :status 0

"$MT_MEGATEST" -step measure :state start :status n/a
# shellcheck disable=SC2086  # the flags are several words
median=$("$py" measure.py "$STARTS" -B ${PYFLAGS-} "-$FLAG")
echo "$NAME $median" > facts.txt
"$MT_MEGATEST" -step measure :state end :status 0 -m "$NAME: median of $STARTS starts: $median s"

# A value, what was expected, and how they compare: here, less than one second.
"$MT_MEGATEST" -set-values :category startup :variable "$NAME" :value "$median" :expected 1 :tol "<" :units s
