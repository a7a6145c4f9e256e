# SPDX-License-Identifier: BSD-2-Clause
"""replay.py - replays a trace record by record, and says which rule each record breaks.

It knows nothing of the engine but docs/trace.md. States, callbacks and the stack as a whole are
here, frames and OIDs in steps.py. What a record claims (states, counts) is compared with what the
records before it lead to. A trace that begins with record 1 is judged strictly; one that begins
later, or has lost records, is believed once wherever nothing is known yet.
"""
from collections import OrderedDict, namedtuple

from steps import Steps

Finding = namedtuple("Finding", "rule seq t_ns stack module why")

SETTLE_NS = 100_000_000         # what can be settled at a pause is, within this time
WATCHDOG_NS = 1_500_000_000     # by then a pause that waits has been reported
PAUSE_LIMIT_NS = 10_000_000_000
OID_LIMIT_NS = 13_000_000_000   # by then one that takes more than 12 s has been reported
KEEP_LIMIT_NS = 30_000_000_000

STANDING = ("Detached", "Paused")
# event: (the state in which it may come, the state that follows at once, rule for the first, for the second)
CONTROL = {
    "attach": ("Detached", "Attaching", "S01", "S02"),
    "restart": ("Paused", "Restarting", "S11", "S11"),
    "pause": ("Running", "Pausing", "S05", "S05"),
    "detach": ("Paused", "Detached", "S14", "S14"),
}
# (state, event): (the state that follows, the rule that says so)
OUTCOME = {
    ("Attaching", "done"): ("Paused", "S02"),
    ("Attaching", "failed"): ("Detached", "S03"),
    ("Restarting", "done"): ("Running", "S11"),
    ("Restarting", "failed"): ("Paused", "S12"),
    ("Pausing", "done"): ("Paused", "S07"),
}
CALLBACK_OF = {"attach": "FilterAttach", "restart": "FilterRestart", "pause": "FilterPause",
               "detach": "FilterDetach"}


class Unusable(Exception):
    """The trace is none, or contradicts itself."""


class Control:
    """One control callback of a module, from its entry on."""

    def __init__(self, event, record, sure):
        self.event = event
        self.seq, self.t_ns = record["seq"], record["t_ns"]
        self.sure = sure            # its answer will be in the trace
        self.answer = None          # status, once it has answered
        self.completions = 0        # calls of NdisF*Complete
        self.completion_status = None
        self.judged = False         # the end of a pause was looked at


class Way:
    """A module's frames of one direction."""

    def __init__(self):
        self.out = set()            # its own, not yet home
        self.unknown_out = None     # its own, from before the trace; None: not known how many
        self.held = OrderedDict()   # of others: number > (order of coming, since, known source)
        self.last_passed = 0        # order of the one passed on last

    def total_out(self):
        return len(self.out) + (self.unknown_out or 0)


class Module:
    def __init__(self, name, state):
        self.name = name
        self.state = state          # None: not known
        self.handle = None
        self.epoch = None
        self.control = None         # the latest callback
        self.restart_failed = False
        self.attach_failed = False
        self.traits = None          # what its filter says of itself; None: not known
        self.mandatory = False
        self.left_out = False       # it failed, and the stack goes on without it
        self.paused_at_once = False
        self.detaching = False      # entered by the wide reading of C10
        self.alone = False          # its next pause is its own, by the wide reading of C7
        self.drained = None         # (seq, t, inside the callback): home while a pause pends
        self.mixed = set()          # own frames of a batch that others are in, too
        self.batch_own, self.batch_others = [], 0
        self.ways = {"send": Way(), "receive": Way()}
        self.oid = None             # number of the request that it was given
        self.has_options = False    # it has a function FilterSetModuleOptions ...
        self.setting_options = False    # ... is inside it ...
        self.options_set = False    # ... or was since it was last attached or paused
        self.hears_status = False   # it has a status function
        self.told = set()           # what is said once for each pause


class Stack:
    def __init__(self, name, whole):
        self.name = name
        self.whole = whole
        self.modules = {}
        self.order = [] if whole else None      # names, top first; None: not known
        self.holds = set() if whole else None
        self.state = "Detached" if whole else None
        self.link = None                        # the last link event
        self.frames = {}
        self.host_out = set()                   # frames of the upper edge
        self.control_thread = None
        self.waiting_since = None
        self.watchdog_ns = None
        self.deaf = set()                       # who has not heard of the latest indication
        self.hops = {}                          # (place, giver): order of the last frame


class Replay(Steps):
    def __init__(self, profile=None):
        self.given_profile = profile            # None: that which the trace names
        self.profile = profile or "strict"
        self.findings = []
        self.records = self.steps = self.lost = 0
        self.engine = {}                        # rules that the engine itself reported
        self.stacks = {}
        self.handles = set()
        self.oids = {}                          # requests that are out: number > (since, asker)
        self.newest_oid = self.oldest_oid = 0
        self.details = False                    # answers of callbacks are in the trace
        self.whole = False
        self.newest_frame = 0
        self.oldest_frame = None
        self.order = 0
        self.record = None
        self.swept_ns = 0

    # ---- the frame of it ----

    def broken(self, rule, why, stack, module=None):
        self.findings.append(Finding(rule, self.record["seq"], self.record["t_ns"], stack.name,
                                     module.name if module else "", why))

    def feed(self, record):
        """Judges one record (a dictionary of docs/trace.md)."""
        try:
            kind, seq = record["kind"], record["seq"]
            if self.record and kind != "resync" and seq <= self.record["seq"]:
                raise Unusable(f"record {seq} after record {self.record['seq']}")
            if not self.record:
                self.whole = seq == 1
            self.record = record
            self.records += 1
            if kind == "resync":
                self.resync()
                return
            stack = self.stacks.get(record["stack"])
            if not stack:
                stack = self.stacks[record["stack"]] = Stack(record["stack"], self.whole)
            handler = getattr(self, "on_" + kind, None)
            if handler:
                handler(stack, record)
            if record["t_ns"] - self.swept_ns > SETTLE_NS:
                self.sweep(record["t_ns"])
        except (KeyError, TypeError, AttributeError) as error:
            raise Unusable(f"record {record.get('seq') if isinstance(record, dict) else '?'} "
                           f"is not of the form of docs/trace.md: {error!r}") from error

    def finish(self):
        """The trace is over: what should have happened by now?"""
        if self.record:
            self.sweep(self.record["t_ns"])

    def resync(self):
        """Records are missing: from here on nothing is known."""
        self.lost += self.record.get("lost", 0)
        self.whole = False
        self.stacks.clear()
        self.oids.clear()
        self.oldest_frame, self.oldest_oid = None, 0

    def module(self, stack, record):
        name = record["module"]
        if name not in stack.modules:
            known = stack.whole and stack.order is not None and name in stack.order
            stack.modules[name] = Module(name, "Detached" if known else None)
        module = stack.modules[name]
        if module.state is None:
            module.state = record["before"]
        return module

    # ---- states ----

    def on_state(self, stack, record):
        module, event = self.module(stack, record), record["event"]
        self.judge_deaf(stack)
        if event == "detach" and module.detaching:
            module.detaching = False        # it was entered at the record "detaching" (C10)
        elif event in CONTROL:
            self.control_event(stack, module, event, record)
        elif event == "pending":
            self.believe(module, record)
        elif event in ("done", "failed"):
            self.outcome(stack, module, event, record)
        else:
            raise Unusable(f"record {record['seq']}: no such event: {event}")
        if record["before"] != module.state and event not in CONTROL:
            self.believe(module, record)
        module.state = record["after"]
        self.note_waiting(stack)

    def believe(self, module, record):
        """A record that contradicts those before it: no trace, unless a rule was broken before."""
        if record["before"] != module.state and not self.findings:
            raise Unusable(f"record {record['seq']}: {module.name} is said to be {record['before']}, "
                           f"and it is {module.state}")
        module.state = record["before"]

    def control_event(self, stack, module, event, record):
        allowed, follows, wrong_state, wrong_next = CONTROL[event]
        if module.state in ("Pausing", "Restarting"):
            self.broken("S16", f"{event} while {module.state}", stack, module)
        elif module.state == "Detached" and event != "attach":
            rule = "S03" if module.attach_failed else "S01"
            self.broken(rule, f"{event} while Detached", stack, module)
        elif module.state != allowed:
            self.broken(wrong_state, f"{event} while {module.state}", stack, module)
        if record["after"] != follows:
            self.broken(wrong_next, f"{event} leads to {record['after']}", stack, module)
        self.judge_serial(stack, module, event, record)
        alone = module.alone                # which judge_order() takes note of
        self.judge_order(stack, module, event)
        module.control = Control(event, record, self.details)
        if event in ("attach", "pause"):
            module.options_set = False
        module.drained = None
        module.told.clear()
        if event == "attach":
            self.new_life(stack, module, record)
        elif event == "restart":
            module.restart_failed = False
            self.judge_options(stack)
        elif event == "pause":
            if not alone:  # else it is its own wish (C7)
                self.judge_reason(stack, module)
        elif event == "detach":
            module.handle = None

    def judge_serial(self, stack, module, event, record):
        thread = record.get("thread")
        if stack.control_thread not in (None, thread):
            self.broken("S17", f"{event} on thread {thread}, others on {stack.control_thread}",
                        stack, module)
        stack.control_thread = thread
        for other in stack.modules.values():
            inside = other.control
            if inside and inside.sure and inside.answer is None:
                self.broken("S17", f"{event} inside {CALLBACK_OF[inside.event]} of {other.name}",
                            stack, module)
                inside.sure = False

    def judge_order(self, stack, module, event):
        """T01, T02: what those above and below must have done before."""
        if not stack.order or module.name not in stack.order:
            return
        if event == "pause" and module.alone:
            module.alone = False            # it is restarted by itself, not with the stack (C7)
            return
        place = stack.order.index(module.name)
        above = [stack.modules.get(name) for name in stack.order[:place]]
        below = [stack.modules.get(name) for name in stack.order[place + 1:]]
        changing = stack.holds is not None and "modify" in stack.holds
        wanted = {"pause": (above, STANDING, "T01", "above"),
                  "restart": (below, ("Running",), "T01", "below"),
                  "detach": ([] if changing else above, ("Detached",), "T02", "above"),
                  "attach": (below, ("Paused", "Restarting", "Running", "Pausing"), "T02", "below")}
        others, states, rule, side = wanted[event]
        for other in others:
            state = other.state if other else "Detached"
            if other and other.left_out:
                continue
            if state is not None and state not in states:
                self.broken(rule, f"{event} while {other.name if other else 'a module'} "
                            f"{side} it is {state}", stack, module)

    def judge_reason(self, stack, module):
        """T05: a pause has a reason, and loss of carrier is none."""
        if stack.whole and not stack.holds and stack.link and stack.link.startswith("carrier"):
            self.broken("T05", f"paused after {stack.link}, with no other reason", stack, module)

    def judge_options(self, stack):
        """S18: before one is restarted all that wait for it have been asked for their options."""
        for module in stack.modules.values():
            if module.has_options and not module.options_set and module.state == "Paused":
                self.broken("S18", "a restart comes before its FilterSetModuleOptions", stack, module)

    def new_life(self, stack, module, record):
        handle, epoch = record.get("handle"), record["epoch"]
        if handle is not None:
            if handle in self.handles or not handle:
                self.broken("S15", f"handle {handle} was used before", stack, module)
            self.handles.add(handle)
        if module.epoch is not None and epoch != module.epoch + 1:
            self.broken("S15", f"epoch {epoch} after {module.epoch}", stack, module)
        module.handle, module.epoch = handle, epoch
        module.restart_failed = module.attach_failed = module.paused_at_once = False
        for way in module.ways.values():
            way.unknown_out = 0

    def outcome(self, stack, module, event, record):
        follows = OUTCOME.get((module.state, event))
        if not follows:
            rule = {"Paused": "S01", "Running": "S01", "Detached": "S01"}.get(module.state, "S16")
            self.broken(rule, f"{event} while {module.state}", stack, module)
            return
        if record["after"] != follows[0]:
            self.broken(follows[1], f"{event} leads to {record['after']}, not {follows[0]}",
                        stack, module)
        control = module.control
        if module.state == "Pausing":
            if control and control.sure:
                self.judge_pause_answer(stack, module, control)
            self.judge_pause_end(stack, module)
            module.drained = None
            module.paused_at_once = bool(control and control.answer == "SUCCESS")
        elif module.state == "Restarting":
            self.judge_restart_end(stack, module, control, event)
        elif module.state == "Attaching":
            self.judge_attach_end(stack, module, control, event)

    def judge_pause_answer(self, stack, module, control):
        if control.answer is None:
            self.broken("S07", "the pause has ended and FilterPause has not answered", stack, module)
        elif control.answer == "PENDING" and not control.completions:
            self.broken("S08", "a pending pause ended without NdisFPauseComplete", stack, module)

    def judge_pause_end(self, stack, module):
        """P03, P04, P06, P07: nothing is out, nothing is kept. Once for each pause."""
        control = module.control
        if control and control.judged:
            return
        if control:
            control.judged = True
        for direction, own, kept in (("send", "P03", "P06"), ("receive", "P04", "P07")):
            way = module.ways[direction]
            if way.total_out():
                self.broken(own, f"the pause ends and {way.total_out()} own {direction}s are out "
                            f"{brief(way.out)}", stack, module)
            if way.held:
                self.broken(kept, f"the pause ends and {len(way.held)} {direction}s of others are "
                            f"kept {brief(way.held)}", stack, module)

    def judge_restart_end(self, stack, module, control, event):
        module.restart_failed = event == "failed"
        if not control or not control.sure:
            return
        status = control.answer
        if status == "PENDING":
            if control.completions != 1:
                self.broken("S13", "a pending restart ended without NdisFRestartComplete",
                            stack, module)
            status = control.completion_status or "SUCCESS"
        if event == "done" and status != "SUCCESS":
            self.broken("S12", f"Running although the restart answered {status}", stack, module)
        if event == "failed" and status == "SUCCESS":
            self.broken("S11", "the restart answered SUCCESS, and the module is not Running",
                        stack, module)

    def judge_attach_end(self, stack, module, control, event):
        module.attach_failed = event == "failed"
        if not control or not control.sure:
            return
        if event == "done" and control.answer != "SUCCESS":
            self.broken("S03" if control.answer else "S02",
                        f"Paused although the attach answered {control.answer}", stack, module)
        if event == "failed" and control.answer == "SUCCESS":
            self.broken("S02", "the attach answered SUCCESS, and the module is not Paused",
                        stack, module)

    # ---- callbacks ----

    def on_callback(self, stack, record):
        self.details = True
        module, name, status = self.module(stack, record), record["event"], record["status"]
        if name == "NdisFPauseComplete":
            self.pause_complete(stack, module)
        elif name == "NdisFRestartComplete":
            self.restart_complete(stack, module, status)
        elif name == "FilterSetModuleOptions":
            module.has_options, module.setting_options = True, status == "PENDING"
            module.options_set = True
        elif name == "NdisSetOptionalHandlers":
            if not module.setting_options:
                self.broken("S19", "NdisSetOptionalHandlers outside of FilterSetModuleOptions",
                            stack, module)
        elif name == "NdisFSetAttributes":
            if module.state != "Attaching":
                self.broken("S20", f"NdisFSetAttributes while {module.state}", stack, module)
        elif name == "FilterStatus":
            self.status_heard(stack, module)
        elif name in CALLBACK_OF.values():
            self.answered(stack, module, name, status)

    def answered(self, stack, module, name, status):
        control = module.control
        if not control or CALLBACK_OF[control.event] != name or control.answer is not None:
            if stack.whole:
                self.broken("S03" if module.attach_failed else "S17",
                            f"{name} answers and was not called", stack, module)
            return
        control.sure = True
        control.answer = status
        if name == "FilterAttach" and status == "PENDING":
            self.broken("S04", "the attach answered PENDING", stack, module)
        elif name == "FilterDetach" and status != "SUCCESS":
            self.broken("S14", f"the detach answered {status}", stack, module)
        elif name == "FilterRestart" and status != "PENDING" and control.completions:
            self.broken("S13", "a restart that was completed answered as well", stack, module)
        elif name == "FilterPause":
            if status not in ("SUCCESS", "PENDING"):
                self.broken("S06", f"the pause answered {status}", stack, module)
            elif status == "SUCCESS" and control.completions:
                self.broken("S09", "a pause that answered SUCCESS was completed, too", stack, module)
            if status == "SUCCESS" or control.completions:
                self.judge_pause_end(stack, module)
            elif status == "PENDING" and module.drained:
                module.drained = module.drained[:2] + (True,)

    def pause_complete(self, stack, module):
        control = module.control
        module.drained = None
        if not control or control.event != "pause":
            if stack.whole or module.state != "Pausing":
                self.broken("S09", "NdisFPauseComplete with no pause", stack, module)
            return
        control.completions += 1
        if control.completions > 1:
            self.broken("S10", "NdisFPauseComplete a second time", stack, module)
        elif control.answer == "SUCCESS":
            self.broken("S09", "NdisFPauseComplete for a pause that answered SUCCESS", stack, module)
        elif module.state != "Pausing":
            self.broken("S09", f"NdisFPauseComplete while {module.state}", stack, module)
        elif control.answer == "PENDING":
            self.judge_pause_end(stack, module)

    def restart_complete(self, stack, module, status):
        control = module.control
        if control and control.event == "restart":
            control.completions += 1
            control.completion_status = status
        if module.state != "Restarting" or not control or control.completions > 1 or \
                control.answer not in (None, "PENDING"):
            self.broken("S13", "NdisFRestartComplete with no restart that waits for it",
                        stack, module)

    # ---- the stack ----

    def on_stack(self, stack, record):
        stack.state = record["after"]
        for module in stack.modules.values():
            if stack.state == "Running" and module.mandatory and module.state != "Running":
                self.broken("T04", f"the stack runs without it: it is {module.state}", stack, module)

    def on_hold(self, stack, record):
        if stack.holds is None:
            return
        name = record["event"]
        if record["text"].startswith("-"):
            stack.holds.discard(name)
        else:
            stack.holds.add(name)
            if name == "link" and stack.link and stack.link.startswith("carrier"):
                self.broken("T05", f"held after {stack.link}", stack)
        self.note_waiting(stack)

    def on_link(self, stack, record):
        stack.link = record["event"]
        self.expect_status(stack, stack.order or ())

    def on_module(self, stack, record):
        name, event = record["module"], record["event"]
        ended = stack.holds is not None and "close" in stack.holds and stack.state == "Detached"
        if event == "inserted" and (ended or name in stack.modules):
            self.stacks[stack.name] = stack = Stack(stack.name, self.whole)  # a new one of that name
        if event == "detaching":
            module = self.module(stack, record)
            self.control_event(stack, module, "detach", dict(record, after="Detached"))
            module.detaching = True
        elif event == "alone":
            self.module(stack, record).alone = True
        if event not in ("inserted", "removed", "left-out", "taken-in"):
            return
        for other in stack.modules.values():
            if other.state is not None and other.state not in STANDING:
                self.broken("T03", f"{name} is {event} while {other.name} is {other.state}",
                            stack, other)
        if event == "removed":
            stack.modules.pop(name, None)
            if stack.order and name in stack.order:
                stack.order.remove(name)
        elif event == "inserted":
            stack.modules[name] = module = Module(name, "Detached")
            module.traits, module.mandatory = record["traits"], record["mandatory"]
            self.profile = self.given_profile or record["profile"]
            if stack.order is not None:
                stack.order.insert(record["index"], name)
        elif name in stack.modules:
            stack.modules[name].left_out = event == "left-out"
            if event == "left-out" and stack.modules[name].mandatory:
                self.broken("T04", "the stack goes on without it", stack, stack.modules[name])

    def on_watchdog(self, stack, record):
        if record["event"] != "oid":
            stack.watchdog_ns = record["t_ns"]
            return
        for number, (since, name, asker) in self.oids.items():
            if name == stack.name and record["t_ns"] - since > OID_LIMIT_NS - 2_000_000_000:
                self.oids[number] = (record["t_ns"] + KEEP_LIMIT_NS * 1000, name, asker)

    def on_rule(self, _stack, record):
        self.engine[record["event"]] = self.engine.get(record["event"], 0) + 1

    # ---- what takes too long ----

    def note_waiting(self, stack):
        """Since when the stack is to stand still and does not."""
        still = all(module.state in STANDING for module in stack.modules.values())
        if not stack.holds or still:
            stack.waiting_since = None
        elif stack.waiting_since is None:
            stack.waiting_since = self.record["t_ns"]

    def sweep(self, now):
        self.swept_ns = now
        for stack in self.stacks.values():
            for module in stack.modules.values():
                self.sweep_module(stack, module, now)
            self.sweep_stack(stack, now)
        for number, (since, name, _) in list(self.oids.items()):
            if now - since > OID_LIMIT_NS and name in self.stacks:
                del self.oids[number]
                self.broken("P11", f"OID request {number} is not answered, and nobody says so",
                            self.stacks[name])

    def sweep_module(self, stack, module, now):
        control = module.control
        if module.state == "Pausing" and control:
            if module.drained and now - module.drained[1] > SETTLE_NS and not control.completions:
                rule = "F03" if module.drained[2] else "P05"
                self.broken(rule, f"the last frame came home at record {module.drained[0]}, and the "
                            "pause is not completed", stack, module)
                module.drained = None
            if now - control.t_ns > PAUSE_LIMIT_NS and "P17" not in module.told:
                module.told.add("P17")
                self.broken("P17", f"pausing since record {control.seq}", stack, module)
        for direction, rule in (("send", "O04"), ("receive", "O10")):
            for nbl, (_, since) in module.ways[direction].held.items():
                if now - since > KEEP_LIMIT_NS and nbl not in module.told:
                    module.told.add(nbl)
                    self.broken(rule, f"frame {nbl} is kept for more than 30 s", stack, module)

    def sweep_stack(self, stack, now):
        """T06: frames of the host, kept by a module, delay the pause of the stack."""
        since = stack.waiting_since
        if since is None or now - since < WATCHDOG_NS:
            return
        keepers = [module for module in stack.modules.values()
                   if any(nbl in stack.host_out for nbl in module.ways["send"].held)]
        if keepers and (stack.watchdog_ns is None or stack.watchdog_ns < since):
            self.broken("T06", "it keeps frames of the host, the stack cannot pause, and nobody "
                        "says so", stack, keepers[0])
            stack.waiting_since = now


def brief(numbers):
    """ "(17, 18, ...)" """
    some = sorted(numbers)[:4]
    return "(" + ", ".join(str(one) for one in some) + (", ..." if len(numbers) > 4 else "") + ")"
