#!/bin/sh
# mutate.sh - mutation tests of the gate and the lifecycle; mutate.py says all about it (--help).
exec python3 "$(dirname "$0")/mutate.py" "$@"
