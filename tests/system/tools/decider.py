# SPDX-License-Identifier: BSD-2-Clause
#
# decider.py - a decider for `lwfctl verdict serve`, whose answer depends on the port that is asked about.
#
# usage: decider.py LOG [FALLBACK]. All that it hears goes to LOG, a line each, so that tests may look.
#
#	8000-8009 allow     8010 reject     8020 deny      8030 no answer
#	8040 allow, twice   8050 too late   8060 lies: garbage, unknown asks, and then allow
#	8070 allow, frame by frame          8080 continue  all else: FALLBACK (allow)
import json
import sys
import threading

log = open(sys.argv[1], "a", buffering=1)
fallback = sys.argv[2] if len(sys.argv) > 2 else "allow"
lock = threading.Lock()


def say(**answer):
    with lock:
        print(json.dumps(answer), flush=True)


def late(ask, seconds):
    threading.Timer(seconds, say, kwargs={"ask": ask, "verdict": "allow"}).start()


for line in sys.stdin:
    log.write(line)
    event = json.loads(line)
    if event["type"] != "ask":
        continue
    ask = event["ask"]
    port = event["remote_port"] if event["direction"] == "out" else event["local_port"]
    if port == 8010:
        say(ask=ask, verdict="reject")
    elif port == 8020:
        say(ask=ask, verdict="deny")
    elif port == 8030:
        pass
    elif port == 8040:
        say(ask=ask, verdict="allow")
        say(ask=ask, verdict="deny")
    elif port == 8050:
        late(ask, event["left_ms"] / 1000 + 0.3)
    elif port == 8060:
        print("yes!", flush=True)
        print("{}", flush=True)
        say(ask="ffffffffffffffff", verdict="deny")
        say(ask=ask, verdict="allow")
    elif port == 8070:
        say(ask=ask, verdict="allow", scope="packet")
    elif port == 8080:
        say(ask=ask, verdict="continue")
    elif 8000 <= port <= 8009:
        say(ask=ask, verdict="allow")
    else:
        say(ask=ask, verdict=fallback)
