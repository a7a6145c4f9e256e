# SPDX-License-Identifier: BSD-2-Clause
"""statements.py - the rules as the checker reads them: id, sentence, and why a trace cannot show it.

The ids are those of the engine and of docs/trace.md; the sentences are the checker's own, written
from NDIS's documentation. A reason in the third column means that the rule is not judged.
"""

_MEMORY = "what happens to memory leaves no record"
_CALLS = "the calls it speaks of leave no record in the trace"

RULES = (
    ("S01", "a module begins Detached, and there only an attach may come", None),
    ("S02", "attach runs in state Attaching and leads to Paused when it answers SUCCESS", None),
    ("S03", "an attach that fails leads to Detached, and no callback comes after it", None),
    ("S04", "attach does not answer PENDING", None),
    ("S05", "pause comes to a Running module alone, and runs in state Pausing", None),
    ("S06", "pause answers SUCCESS or PENDING", None),
    ("S07", "a pause that answered SUCCESS leaves the module Paused at once", None),
    ("S08", "a pause that answered PENDING ends with NdisFPauseComplete and not before", None),
    ("S09", "NdisFPauseComplete is called only for a pause that answers PENDING", None),
    ("S10", "NdisFPauseComplete is called once for one pause", None),
    ("S11", "restart comes to a Paused module alone, runs in Restarting, leads to Running", None),
    ("S12", "after a restart that failed the module is Paused and originates nothing", None),
    ("S13", "a restart that answered PENDING ends with one NdisFRestartComplete", None),
    ("S14", "detach comes to a Paused module alone, and does not fail or pend", None),
    ("S15", "each attach makes a handle that was never used, and the old one is dead", None),
    ("S16", "a module that is Pausing or Restarting gets no control event", None),
    ("S17", "control callbacks run one after the other, on one thread", None),
    ("S18", "FilterSetModuleOptions comes before each restart, to every module first", None),
    ("S19", "NdisSetOptionalHandlers is called in FilterSetModuleOptions alone", None),
    ("S20", "NdisFSetAttributes is called in FilterAttach alone", None),
    ("P01", "a module originates no send unless it is Running", None),
    ("P02", "a module originates no receive unless it is Running", None),
    ("P03", "a pause does not end while a send of the module's own is out", None),
    ("P04", "a pause does not end while a receive of the module's own is out", None),
    ("P05", "the last frame that comes home ends a pause that is pending", None),
    ("P06", "sends of others that a module keeps are dealt with before its pause ends", None),
    ("P07", "receives of others that a module keeps are returned before its pause ends", None),
    ("P08", "a send for a module that is not Running is answered PAUSED, not forwarded", None),
    ("P09", "a receive for a module that is not Running is returned at once", None),
    ("P10", "a receive that was lent for the call alone is never returned", _CALLS),
    ("P11", "an OID request is answered once, or it is said that it takes more than 12 s", None),
    ("P12", "from Paused to Pausing a module hears of each status indication from below", None),
    ("P13", "while a module is Attaching no frame, OID or status goes through it", None),
    ("P14", "what attach built is valid until detach", _MEMORY),
    ("P15", "timers that originate are stopped before a pause ends",
     "a timer leaves no record; what it originates breaks P01 or P02"),
    ("P16", "a completion inside the send call is counted once", None),
    ("P17", "a pause takes at most 10 s", None),
    ("O01", "a frame that a module originates carries the module's own handle", None),
    ("O02", "nobody changes the origin of a frame", None),
    ("O03", "a module does not complete its own sends upwards", None),
    ("O04", "a frame of others is handed on once", None),
    ("O05", "a completion of own frames and others is split", None),
    ("O06", "a frame is left alone between send and completion", _MEMORY),
    ("O07", "sends keep their order on their way", None),
    ("O08", "a frame comes home once", None),
    ("O09", "a module does not return its own receives", None),
    ("O10", "a receive that is kept is returned in the end (30 s)", None),
    ("O11", "the parent of a clone is not completed before the clone", _CALLS),
    ("O12", "who cannot see completions does not originate",
     "it is refused at registration, before there is a trace"),
    ("O13", "a cancelled send comes back SEND_ABORTED, others are left alone",
     "requests to cancel leave no record"),
    ("O14", "who keeps sends can cancel them",
     "it is refused at registration, before there is a trace"),
    ("O15", "a chain that was lent is whole when the call returns", _MEMORY),
    ("T01", "a stack pauses from the top down and restarts from the bottom up", None),
    ("T02", "a stack detaches from the top down and attaches from the bottom up", None),
    ("T03", "modules come and go only while all of the stack stands still", None),
    ("T04", "a stack does not run without its mandatory modules", None),
    ("T05", "the loss of a link is a status and pauses nothing", None),
    ("T06", "a pause that waits for frames of the host, kept by a module, is reported", None),
    ("T07", "one OID request at a time reaches a module", None),
    ("T08", "unloading a filter detaches all its modules, with nothing left out", _CALLS),
    ("F01", "after a pause that found nothing out, sends are refused all the same", None),
    ("F02", "after pause and restart sends are admitted again", None),
    ("F03", "a frame that comes home inside the pause callback is not overlooked", None),
    ("F04", "what a client sends while the stack is Paused is answered PAUSED", None),
    ("F05", "a client's handle outlives detach and attach",
     "a frame's record does not name the client"),
    ("F06", "nothing waits for a reference that leaked", _MEMORY),
)

SENTENCE = {rule: sentence for rule, sentence, _ in RULES}

# Where pages of NDIS disagree: the profiles that take the wide reading.
SENDS_PASS_WHILE_PAUSING = ("lenient", "npcap")       # C1
RECEIVES_PASS_WHILE_PAUSING = ("lenient", "npcap")    # C2
FRAMES_WHILE_RESTARTING = ("lenient",)                # C3
STATUS_WHILE_ATTACHING = ("lenient",)                 # C4
