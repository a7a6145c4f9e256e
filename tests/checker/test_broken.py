#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_broken.py - golden traces with one fault each: the checker must name the rule that it breaks.

Each row of FAULTS takes one golden trace, which is clean, and changes as little as breaks one rule:
a record dropped, doubled, moved, or with one other value. The first rule that the checker names must
be that of the row (F01 may follow P01: what breaks it breaks both). Every rule that the checker says
it judges has a row.
"""
import copy
import json
import sys
from pathlib import Path

from replay import Replay
from statements import RULES

GOLDEN = Path(__file__).resolve().parent / "golden"
MS = 1_000_000


class Trace:
    """The records of one golden trace, to be changed."""

    def __init__(self, name):
        lines = (GOLDEN / f"{name}.ndjson").read_text().splitlines()
        self.records = [json.loads(line) for line in lines]

    def find(self, after=0, nth=0, **wanted):
        """Index of the nth record from @after on with these values."""
        for index in range(after, len(self.records)):
            if all(self.records[index].get(key) == value for key, value in wanted.items()):
                if nth == 0:
                    return index
                nth -= 1
        raise LookupError(f"no record with {wanted}")

    def last(self, before, **wanted):
        for index in range(before - 1, -1, -1):
            if all(self.records[index].get(key) == value for key, value in wanted.items()):
                return index
        raise LookupError(f"no record with {wanted}")

    def set(self, index, **values):
        self.records[index].update(values)

    def drop(self, index):
        return self.records.pop(index)

    def insert(self, index, like, **values):
        """A copy of record @like, with its time that of its new neighbour, before @index."""
        record = copy.deepcopy(self.records[like])
        record.update(t_ns=self.records[max(0, index - 1)]["t_ns"], **values)
        self.records.insert(index, record)

    def move(self, first, count, to):
        """Moves @count records to before @to, which lies before @first."""
        block = self.records[first:first + count]
        del self.records[first:first + count]
        for record in block:
            record["t_ns"] = self.records[max(0, to - 1)]["t_ns"]
        self.records[to:to] = block

    def cut(self, index, later_ms):
        """Ends the trace after @index, but for one harmless record so much later."""
        del self.records[index + 1:]
        like = self.find(kind="client")
        self.insert(len(self.records), like, event="opened", text="session 9")
        self.records[-1]["t_ns"] += later_ms * MS

    def delay(self, index, later_ms):
        """All records from @index on come so much later."""
        for record in self.records[index:]:
            record["t_ns"] += later_ms * MS

    def broken(self):
        replay = Replay()
        for seq, record in enumerate(self.records, 1):
            replay.feed(dict(record, seq=seq))
        replay.finish()
        return replay.findings


FAULTS = []


def fault(rule, golden, also=()):
    def note(change):
        FAULTS.append((rule, golden, change, also))
        return change
    return note


# ---- states ----

@fault("S01", "sleep")
def restart_before_attach(trace):
    attach = trace.find(kind="state", event="attach", module="monitor")
    trace.insert(attach, trace.find(kind="state", event="restart", module="monitor"),
                 before="Detached")


@fault("S02", "sleep")
def attach_forgotten(trace):
    done = trace.find(kind="state", event="done", module="inject")
    trace.set(done, event="failed", after="Detached")


@fault("S03", "sleep")
def failed_attach_is_used(trace):
    trace.set(trace.find(event="FilterAttach", module="inject"), status="RESOURCES")


@fault("S04", "sleep")
def attach_pends(trace):
    trace.set(trace.find(event="FilterAttach", module="inject"), status="PENDING")


@fault("S05", "sleep")
def paused_twice(trace):
    pause = trace.find(kind="state", event="pause", module="inject")
    done = trace.find(after=pause, kind="state", event="done", module="inject")
    trace.insert(done + 1, pause, before="Paused")


@fault("S06", "sleep")
def pause_fails(trace):
    trace.set(trace.find(event="FilterPause", module="monitor"), status="FAILURE")


@fault("S07", "sleep")
def paused_and_running(trace):
    answer = trace.find(event="FilterPause", module="monitor", status="SUCCESS")
    trace.set(trace.find(after=answer, event="done", module="monitor"), after="Running")


@fault("S08", "sleep")
def pending_pause_just_ends(trace):
    trace.drop(trace.find(event="NdisFPauseComplete"))


@fault("S09", "sleep")
def success_and_completed(trace):
    answer = trace.find(event="FilterPause", module="monitor", status="SUCCESS")
    trace.insert(answer + 1, trace.find(event="NdisFPauseComplete"), module="monitor")


@fault("S10", "sleep")
def completed_twice(trace):
    call = trace.find(event="NdisFPauseComplete")
    trace.insert(call + 1, call)


@fault("S10", "pending-pause")
def completed_again_later(trace):
    call = trace.find(event="NdisFPauseComplete")
    done = trace.find(after=call, event="done", module=trace.records[call]["module"])
    trace.insert(done + 1, call, before="Paused", after="Paused")


@fault("S11", "sleep")
def running_without_restarting(trace):
    trace.set(trace.find(kind="state", event="restart", module="monitor"), after="Running")


@fault("S12", "restarts")
def sends_after_failed_restart(trace):
    failed = trace.find(kind="state", event="failed", module="script")
    handle = trace.records[failed]["handle"]
    trace.insert(failed + 1, trace.find(event="originate", direction="send"), module="script",
                 handle=handle, source=handle, nbl=9999)


@fault("S13", "restarts")
def pending_restart_just_ends(trace):
    trace.drop(trace.find(event="NdisFRestartComplete"))


@fault("S14", "adapter-disabled")
def detached_while_running(trace):
    pause = trace.find(kind="state", event="pause", module="inject")
    trace.insert(pause, trace.find(kind="state", event="detach", module="inject"), before="Running")


@fault("S15", "adapter-disabled")
def handle_used_again(trace):
    first = trace.find(kind="state", event="attach", module="inject")
    second = trace.find(after=first + 1, kind="state", event="attach", module="inject")
    trace.set(second, handle=trace.records[first]["handle"])


@fault("S15", "adapter-disabled")
def stale_origin(trace):
    detach = trace.find(kind="state", event="detach", module="inject")
    old = trace.records[trace.last(detach, event="originate", module="inject")]["source"]
    trace.set(trace.find(after=detach, event="originate", module="inject"), source=old)


@fault("S16", "sleep")
def detached_while_pausing(trace):
    pause = trace.find(kind="state", event="pause", module="inject")
    trace.insert(pause + 2, trace.find(kind="state", event="detach", module="inject"),
                 before="Pausing")


@fault("S17", "sleep")
def another_thread(trace):
    trace.set(trace.find(kind="state", event="pause", module="inject"), thread=2)


@fault("S17", "sleep")
def callback_inside_callback(trace):
    pause = trace.find(kind="state", event="pause", module="inject")
    answer = trace.find(after=pause, event="FilterPause", module="inject")
    end = trace.find(after=pause, kind="state", event="pause", module="monitor")
    trace.move(end, 1, answer)


@fault("S18", "restart-filter")
def restarted_without_options(trace):
    paused = trace.find(kind="state", event="pause", module="chooser")
    asked = trace.find(after=paused, event="FilterSetModuleOptions")
    end = trace.find(after=asked, event="FilterSetModuleOptions", status="SUCCESS")
    del trace.records[asked:end + 1]


@fault("S19", "restart-filter")
def handlers_while_running(trace):
    pause = trace.find(kind="state", event="pause", module="inject")
    trace.insert(pause, trace.find(event="NdisSetOptionalHandlers"))


@fault("S20", "sleep")
def attributes_in_restart(trace):
    restart = trace.find(kind="state", event="restart", module="inject")
    trace.insert(restart + 1, trace.find(event="NdisFSetAttributes", module="inject"))


# ---- pause ----

@fault("P01", "sleep")
def send_after_pause(trace):
    pause = trace.find(kind="state", event="pause", module="inject")
    trace.insert(pause + 1, trace.last(pause, event="originate", direction="send"), nbl=9999)


@fault("P01", "filter-installed")
def send_before_first_restart(trace):
    done = trace.find(kind="state", event="done", module="script")
    handle = trace.records[done]["handle"]
    trace.insert(done + 1, trace.find(event="originate", direction="send"), module="script",
                 handle=handle, source=handle, nbl=9999)


@fault("P02", "sleep")
def receive_after_pause(trace):
    pause = trace.find(kind="state", event="pause", module="inject")
    trace.insert(pause + 1, trace.last(pause, event="originate", direction="receive"), nbl=9999)


@fault("P03", "sleep")
def completion_lost(trace):
    call = trace.find(event="NdisFPauseComplete")
    trace.drop(trace.last(call, event="home", module="inject"))


@fault("P04", "pending-pause")
def return_lost(trace):
    call = trace.find(event="NdisFPauseComplete", module="keeper")
    trace.drop(trace.last(call, event="home", module="keeper", direction="receive"))


@fault("P05", "sleep")
def last_frame_ends_nothing(trace):
    trace.cut(trace.find(event="NdisFPauseComplete") - 1, 1000)


@fault("P06", "pending-pause")
def kept_send_forgotten(trace):
    pause = trace.find(kind="state", event="pause", module="keeper")
    trace.insert(pause, trace.find(event="enter", module="keeper", direction="send"), nbl=9999)


@fault("P07", "pending-pause")
def kept_receive_forgotten(trace):
    hold = trace.find(kind="hold", event="user")
    kept = trace.find(after=hold, event="forward", module="keeper", direction="receive")
    nbl = trace.records[kept]["nbl"]
    trace.records[kept:] = [record for record in trace.records[kept:] if record.get("nbl") != nbl]


@fault("P08", "sleep")
def send_into_a_paused_module(trace):
    pause = trace.find(kind="state", event="pause", module="monitor")
    trace.insert(pause + 1, trace.find(event="enter", module="monitor", direction="send"), nbl=0)


@fault("P08", "sleep")
def forwarded_by_a_paused_module(trace):
    pause = trace.find(kind="state", event="pause", module="monitor")
    trace.insert(pause + 1, trace.find(event="forward", module="monitor", direction="send"), nbl=0)


@fault("P08", "sleep")
def refused_with_another_status(trace):
    pause = trace.find(kind="state", event="pause", module="monitor")
    trace.insert(pause + 1, trace.find(event="enter", module="monitor", direction="send"), nbl=0,
                 event="refuse", status="FAILURE")


@fault("P09", "sleep")
def receive_into_a_paused_module(trace):
    pause = trace.find(kind="state", event="pause", module="monitor")
    trace.insert(pause + 1, trace.find(event="enter", module="monitor", direction="receive"), nbl=0)


@fault("P13", "sleep")
def send_into_an_attaching_module(trace):
    attach = trace.find(kind="state", event="attach", module="monitor")
    trace.insert(attach + 1, trace.find(event="enter", module="monitor", direction="send"), nbl=0)


@fault("P16", "sleep")
def counted_twice(trace):
    home = trace.find(event="home", module="inject", direction="send")
    trace.set(home, sends_out=trace.records[home]["sends_out"] + 1)


@fault("P17", "sleep")
def eleven_seconds(trace):
    trace.delay(trace.find(kind="state", event="pause", module="inject") + 1, 11000)


@fault("F01", "sleep", also=("P01",))
def send_after_an_immediate_pause(trace):
    answer = trace.find(event="FilterPause", module="monitor", status="SUCCESS")
    done = trace.find(after=answer, event="done", module="monitor")
    handle = trace.records[done]["handle"]
    trace.insert(done + 1, trace.find(event="originate", direction="send"), module="monitor",
                 handle=handle, source=handle, nbl=9999)


@fault("F02", "sleep")
def refused_while_running(trace):
    enter = trace.find(event="enter", module="monitor", direction="send")
    trace.set(enter, event="refuse", status="PAUSED")


@fault("F02", "sleep")
def denied_after_restart(trace):
    restart = trace.find(kind="stack", event="Running", nth=1)
    trace.insert(restart + 1, trace.find(event="deny", reason="not-running"))


@fault("F03", "sleep")
def last_frame_inside_the_pause(trace):
    answer = trace.find(event="FilterPause", module="inject")
    call = trace.find(event="NdisFPauseComplete")
    pending = trace.find(after=answer, event="pending", module="inject")
    told = trace.drop(pending), trace.drop(answer)
    for record in told:
        record["t_ns"] = trace.records[call - 3]["t_ns"]
        trace.records.insert(call - 2, record)
    trace.cut(call - 1, 1000)


@fault("F04", "sleep")
def removed_while_paused(trace):
    paused = trace.find(kind="stack", event="Paused")
    trace.insert(paused + 1, trace.find(event="deny"), status="ADAPTER_REMOVED")


@fault("P11", "pre-detach")
def answered_twice(trace):
    answered = trace.find(kind="oid", event="answered")
    trace.insert(answered + 1, answered)


@fault("P11", "pre-detach")
def never_answered(trace):
    trace.cut(trace.find(kind="oid", event="asked"), 14000)


@fault("P12", "pre-detach")
def indication_stops_half_way(trace):
    link = trace.find(kind="link", nth=1)
    trace.drop(trace.find(after=link, event="FilterStatus", module="speaker"))


@fault("P13", "pre-detach")
def oid_into_an_attaching_module(trace):
    attach = trace.find(kind="state", event="attach", module="speaker")
    trace.insert(attach + 1, trace.find(event="given", module="speaker"))


@fault("T07", "pre-detach")
def two_oids_at_a_time(trace):
    given = trace.find(event="given", module="speaker")
    trace.insert(given + 1, given, request=9999)


# ---- ownership ----

@fault("O01", "sleep")
def wrong_origin(trace):
    trace.set(trace.find(event="originate", module="inject"), source=9999)


@fault("O02", "sleep")
def changed_origin(trace):
    trace.set(trace.find(event="enter", module="monitor", direction="send"), source=9999)


@fault("O03", "sleep")
def own_send_completed(trace):
    born = trace.find(event="originate", module="inject", direction="send")
    trace.insert(born + 1, born, event="answer")


@fault("O04", "sleep")
def passed_on_twice(trace):
    forward = trace.find(event="forward", module="monitor")
    trace.insert(forward + 1, forward)


@fault("O05", "sleep")
def mixed_batch_not_split(trace):
    back = trace.find(event="back", module="inject", direction="send")
    home = trace.last(back, event="home", module="inject", direction="send")
    frame = trace.records[home]
    trace.move(back, 1, home + 1)
    trace.set(home, left=1)
    trace.set(home + 1, left=0)
    trace.insert(home + 2, home, event="answer", nbl=frame["nbl"])


@fault("O07", "sleep")
def overtaken(trace):
    first = trace.find(event="enter", module="monitor", direction="send")
    second = trace.find(after=first + 1, event="enter", module="monitor", direction="send")
    one, other = trace.records[first]["nbl"], trace.records[second]["nbl"]
    trace.set(first, nbl=other)
    trace.set(second, nbl=one)


@fault("O07", "pending-pause")
def overtaken_inside(trace):
    hold = trace.find(kind="hold", event="user")
    first = trace.find(after=hold, event="forward", module="keeper", direction="send")
    second = trace.find(after=first + 1, event="forward", module="keeper", direction="send")
    one, other = trace.records[first]["nbl"], trace.records[second]["nbl"]
    trace.set(first, nbl=other)
    trace.set(second, nbl=one)


@fault("O08", "sleep")
def home_twice(trace):
    home = trace.find(event="home", module="inject")
    trace.insert(home + 1, home)


@fault("O09", "sleep")
def own_receive_returned(trace):
    born = trace.find(event="originate", module="inject", direction="receive")
    trace.insert(born + 1, born, event="answer")


@fault("O10", "sleep")
def receive_kept_for_ever(trace):
    trace.cut(trace.find(event="enter", module="monitor", direction="receive"), 31000)


# ---- the stack ----

def block(trace, first):
    """Records of one control event: entry, answer, done."""
    module = trace.records[first]["module"]
    count = 1
    while trace.records[first + count]["module"] == module and \
            trace.records[first + count]["event"] not in ("pause", "restart", "attach", "detach"):
        count += 1
    return count


def reversed_order(event, last):
    """The module that comes last in an order comes first."""
    def change(trace):
        first = trace.find(kind="state", event=event)
        second = trace.find(after=first, kind="state", event=event, module=last)
        trace.move(second, block(trace, second), first)
    return change


for name, wrong, late, broken in (("sleep", "pause", "monitor", "T01"),
                                  ("sleep", "restart", "inject", "T01"),
                                  ("sleep", "attach", "inject", "T02"),
                                  ("adapter-disabled", "detach", "monitor", "T02")):
    row = reversed_order(wrong, late)
    row.__name__ = f"{wrong}_in_the_wrong_order"
    fault(broken, name)(row)


@fault("T03", "filter-installed")
def inserted_while_running(trace):
    inserted = trace.find(kind="module", event="inserted", module="script")
    trace.move(inserted, 1, trace.find(kind="state", event="pause", module="inject"))


@fault("T04", "restarts")
def goes_on_without_a_mandatory_module(trace):
    trace.set(trace.find(kind="module", event="inserted", module="script"), mandatory=True)


@fault("T05", "cable-loss")
def cable_loss_pauses(trace):
    link = trace.find(kind="link", event="carrier-off")
    trace.insert(link + 1, trace.find(kind="state", event="pause", module="inject"))


@fault("T06", "sleep")
def host_frames_kept_in_silence(trace):
    born = trace.find(event="input", edge="upper")
    enter = trace.find(after=born, event="enter", module="monitor", direction="send")
    trace.insert(enter + 1, trace.find(kind="hold", event="user"))
    trace.cut(enter + 1, 2000)


def judge(rule, golden, change, also):
    """None, or what is wrong with one row."""
    trace = Trace(golden)
    if trace.broken():
        return f"{golden} is not clean as it is"
    try:
        change(trace)
    except LookupError as error:
        return str(error)
    named = [finding.rule for finding in trace.broken()]
    if rule not in named or named[0] not in (rule, *also):
        return f"named {named or 'nothing'}"
    return None


def main():
    faults = 0
    for rule, golden, change, also in FAULTS:
        wrong = judge(rule, golden, change, also)
        print(f"{'FAILED' if wrong else 'ok':6} {rule} {golden}: {change.__name__}"
              f"{': ' + wrong if wrong else ''}")
        faults += wrong is not None
    missing = {rule for rule, _, why in RULES if why is None} - {row[0] for row in FAULTS}
    for rule in sorted(missing):
        print(f"FAILED {rule} is said to be judged, and no row breaks it")
    return 1 if faults or missing else 0


sys.exit(main())
