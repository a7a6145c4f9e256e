# SPDX-License-Identifier: BSD-2-Clause
"""steps.py - the half of the replay that is about what goes through modules: frames, OIDs, statuses."""
import statements as says


class Frame:
    def __init__(self, source, owner, direction):
        self.source, self.owner, self.direction = source, owner, direction
        self.order = 0              # when it was handed on last, and by whom
        self.giver = owner


class Steps:
    """Part of replay.Replay, which has the state that is used here."""

    # ---- OIDs and status ----

    def on_oid(self, stack, record):
        number, asker = record["request"], record["module"]
        if record["event"] == "given":
            if asker:
                self.oid_given(stack, self.module(stack, record), number)
        elif record["event"] == "asked":
            self.oldest_oid = self.oldest_oid or number
            self.newest_oid = max(number, self.newest_oid)
            self.oids[number] = (record["t_ns"], stack.name, asker)
            if asker and self.module(stack, record).state == "Attaching":
                self.broken("P13", "it asks an OID while Attaching", stack, stack.modules[asker])
        else:
            self.oid_answered(stack, number)

    def oid_answered(self, stack, number):
        if not self.oids.pop(number, None) and self.oldest_oid and number >= self.oldest_oid:
            self.broken("P11", f"OID request {number} is answered, and is not out", stack)
        for module in stack.modules.values():
            if module.oid == number:
                module.oid = None

    def oid_given(self, stack, module, number):
        if module.state in ("Attaching", "Detached"):
            self.broken("P13", f"an OID reaches it while {module.state}", stack, module)
        if module.oid is not None:
            self.broken("T07", f"it is given OID request {number} while it has {module.oid}",
                        stack, module)
        module.oid = number

    def on_status(self, stack, record):
        if not record["module"]:        # of the lower edge: all hear of it
            self.expect_status(stack, stack.order or ())
            return
        module = self.module(stack, record)
        if module.state == "Attaching" and self.profile not in says.STATUS_WHILE_ATTACHING:
            self.broken("P13", "it indicates a status while Attaching", stack, module)
        place = stack.order.index(module.name) if stack.order and module.name in stack.order else 0
        self.expect_status(stack, stack.order[:place] if stack.order else ())

    def expect_status(self, stack, names):
        self.judge_deaf(stack)
        reached = (stack.modules[name] for name in names if name in stack.modules)
        stack.deaf = {module.name for module in reached
                      if module.hears_status and module.state not in (None, "Attaching", "Detached")}

    def status_heard(self, stack, module):
        module.hears_status = True
        stack.deaf.discard(module.name)
        if module.state in ("Attaching", "Detached"):
            self.broken("P13", f"a status reaches it while {module.state}", stack, module)

    def judge_deaf(self, stack):
        """P12: who has a status function hears of each indication from below."""
        for name in sorted(stack.deaf):
            if name in stack.modules:
                self.broken("P12", "an indication did not reach it", stack, stack.modules[name])
        stack.deaf = set()

    # ---- frames ----

    def on_frame(self, stack, record):
        self.steps += 1
        event, direction = record["event"], record["direction"]
        nbl = record["nbl"]
        module = self.module(stack, record) if record["module"] else None
        if module and module.handle is None and module.state != "Detached":
            module.handle = record["handle"]
        if event in ("originate", "input"):
            self.birth(stack, module, record, nbl)
        elif nbl and nbl in stack.frames:
            self.judge_source(stack, module, record, stack.frames[nbl])
        if module:
            if module.attach_failed and event in ("enter", "originate", "forward"):
                self.broken("S03", f"{event} after a failed attach", stack, module)
            getattr(self, "step_" + event)(stack, module, record, module.ways[direction])
            if event in ("originate", "home"):
                self.compare_counts(stack, module, record, direction)
        else:
            self.step_at_edge(stack, record)

    def birth(self, stack, module, record, nbl):
        if nbl in stack.frames or (self.oldest_frame or nbl) <= nbl <= self.newest_frame:
            self.broken("O08", f"frame {nbl} is born a second time", stack, module)
        self.newest_frame = max(self.newest_frame, nbl)
        self.oldest_frame = self.oldest_frame or nbl
        stack.frames[nbl] = Frame(record["source"], record["handle"], record["direction"])
        self.hand_on(stack.frames[nbl], record["handle"])

    def hand_on(self, frame, giver):
        self.order += 1
        frame.order, frame.giver = self.order, giver

    def is_over(self, nbl):
        """True for a frame that was seen being born, and is home."""
        return self.oldest_frame is not None and self.oldest_frame <= nbl <= self.newest_frame

    def judge_source(self, stack, module, record, frame):
        if record["source"] != frame.source:
            self.broken("O02", f"frame {record['nbl']} of {frame.source} is now said to be of "
                        f"{record['source']}", stack, module)
            frame.source = record["source"]

    def judge_arrival(self, stack, place, record, module):
        """O07: frames of one giver arrive in the order in which he gave them."""
        frame = stack.frames.get(record["nbl"])
        if not frame:
            return
        key = (place, frame.giver, frame.direction)
        if frame.order < stack.hops.get(key, 0):
            self.broken("O07", f"frame {record['nbl']} was overtaken before it arrived here",
                        stack, module)
        stack.hops[key] = max(frame.order, stack.hops.get(key, 0))

    def step_originate(self, stack, module, record, way):
        if record["source"] != module.handle:
            stale = record["source"] in self.handles
            self.broken("S15" if stale else "O01", f"frame {record['nbl']} carries the origin "
                        f"{record['source']}, the module is {module.handle}", stack, module)
        if module.state != "Running":
            self.judge_untimely(stack, module, record)
        way.out.add(record["nbl"])

    def judge_untimely(self, stack, module, record):
        direction, state = record["direction"], module.state
        why = f"a {direction} is originated while {state}"
        if state == "Attaching":
            self.broken("P13", why, stack, module)
        elif state == "Detached":
            self.broken("S15", why, stack, module)
        elif state == "Paused" and module.restart_failed:
            self.broken("S12", why + ", after a failed restart", stack, module)
        elif state == "Restarting" and self.profile in says.FRAMES_WHILE_RESTARTING:
            pass
        else:
            self.broken("P01" if direction == "send" else "P02", why, stack, module)
            if state == "Paused" and module.paused_at_once and direction == "send":
                self.broken("F01", why + ", after a pause that found nothing out", stack, module)

    def step_enter(self, stack, module, record, way):
        direction, state = record["direction"], module.state
        why = f"a {direction} is handed in while {state}"
        if state in ("Attaching", "Detached"):
            self.broken("P13", why, stack, module)
        elif state == "Restarting" and self.profile in says.FRAMES_WHILE_RESTARTING:
            pass
        elif state != "Running" and direction == "send":
            if state != "Pausing" or self.profile not in says.SENDS_PASS_WHILE_PAUSING:
                self.broken("P08", why, stack, module)
        elif state != "Running" and self.profile not in says.RECEIVES_PASS_WHILE_PAUSING:
            self.broken("P09", why, stack, module)
        self.judge_arrival(stack, module.name, record, module)
        self.take(stack, module, record, way)

    def take(self, stack, module, record, way):
        nbl = record["nbl"]
        if not nbl:
            return
        if nbl in way.held:
            self.broken("O04", f"frame {nbl} is handed in twice", stack, module)
        elif nbl not in stack.frames and self.is_over(nbl):
            self.broken("O08", f"frame {nbl} is home and moves on", stack, module)
        self.order += 1
        way.held[nbl] = (self.order, record["t_ns"])

    def give(self, stack, module, record, way):
        """Takes a frame out of a module; its order of coming, or None when it was not there."""
        nbl = record["nbl"]
        if not nbl:
            return None
        held = way.held.pop(nbl, None)
        frame = stack.frames.get(nbl)
        if held is None and (frame or self.is_over(nbl)) and stack.whole:
            self.broken("O04", f"frame {nbl} is handed on, and the module does not have it",
                        stack, module)
        if frame:
            self.hand_on(frame, module.handle)
        return held[0] if held else None

    def step_forward(self, stack, module, record, way):
        wide = module.state == "Pausing" and self.profile in says.SENDS_PASS_WHILE_PAUSING
        if record["direction"] == "send" and module.state != "Running" and not wide:
            self.broken("P08", f"a send is forwarded while {module.state}", stack, module)
        order = self.give(stack, module, record, way)
        if order is None:
            return
        may = module.traits is None or "reorders" in module.traits or \
            record["direction"] == "receive"
        if order < way.last_passed and not may:
            self.broken("O07", f"frame {record['nbl']} was overtaken inside the module",
                        stack, module)
        way.last_passed = max(order, way.last_passed)

    def step_answer(self, stack, module, record, way):
        frame = stack.frames.get(record["nbl"])
        own = frame.owner == module.handle if frame else record["nbl"] in way.out | module.mixed
        if own:
            rule = "O05" if record["nbl"] in module.mixed else \
                "O03" if record["direction"] == "send" else "O09"
            self.broken(rule, f"own frame {record['nbl']} is answered as if it were of others",
                        stack, module)
            return
        self.give(stack, module, record, way)

    def step_back(self, stack, module, record, way):
        self.note_batch(module, record, own=False)
        frame = stack.frames.get(record["nbl"])
        if frame and frame.owner == module.handle:
            self.broken("O08", f"own frame {record['nbl']} comes back as one of others",
                        stack, module)
        self.take(stack, module, record, way)

    def step_home(self, stack, module, record, way):
        nbl = record["nbl"]
        self.note_batch(module, record, own=True)
        if not nbl:
            if way.unknown_out:
                way.unknown_out -= 1
        elif nbl in way.out:
            way.out.remove(nbl)
            stack.frames.pop(nbl, None)
        elif self.is_over(nbl) and nbl not in stack.frames:
            self.broken("O08", f"frame {nbl} comes home a second time", stack, module)
        elif nbl in stack.frames:
            self.broken("O04", f"frame {nbl} comes home to a module that did not make it",
                        stack, module)
        control = module.control
        if module.state == "Pausing" and control and not control.completions and \
                not any(one.total_out() for one in module.ways.values()):
            module.drained = (record["seq"], record["t_ns"], control.answer is None)

    def note_batch(self, module, record, own):
        """Remembers own frames that came home together with frames of others (O05)."""
        if own:
            module.batch_own.append(record["nbl"])
        else:
            module.batch_others += 1
        if record["left"] == 0:
            module.mixed = set(module.batch_own) if module.batch_others else set()
            module.batch_own, module.batch_others = [], 0

    def step_refuse(self, stack, module, record, way):
        if module.state == "Running":
            self.broken("F02", "a frame is refused although the module is Running", stack, module)
        elif record["status"] != "PAUSED":
            self.broken("P08", f"refused with {record['status']}", stack, module)

    def step_deny(self, stack, module, record, way):
        status = record["status"]
        if status == "PAUSED" and record["reason"] == "not-running" and \
                stack.state == module.state == "Running":
            self.broken("F02", "a client's frame is refused although all is Running", stack, module)
        gone = status == "ADAPTER_REMOVED" and (stack.holds is None or "removed" in stack.holds)
        if stack.state == "Paused" and status in ("ADAPTER_REMOVED", "MEDIA_DISCONNECTED") and not gone:
            self.broken("F04", f"a client's frame is answered {status} while Paused", stack, module)

    def step_at_edge(self, stack, record):
        event, nbl, place = record["event"], record["nbl"], record["edge"]
        frame = stack.frames.get(nbl)
        if event == "transmit":
            self.judge_arrival(stack, place, record, None)
        if not nbl:
            return
        if not frame and event != "input" and self.is_over(nbl):
            self.broken("O08", f"frame {nbl} is home, and then {event} at the {place} edge", stack)
        elif event == "home":
            if frame and frame.owner != record["handle"]:
                self.broken("O04", f"frame {nbl} comes home to an edge that did not make it", stack)
            stack.frames.pop(nbl, None)
            stack.host_out.discard(nbl)
        elif event == "input" and place == "upper":
            stack.host_out.add(nbl)

    def compare_counts(self, stack, module, record, direction):
        """P16: the engine's count is that of the records."""
        way = module.ways[direction]
        claimed = record["sends_out" if direction == "send" else "receives_out"]
        if way.unknown_out is None:
            way.unknown_out = max(0, claimed - len(way.out))
        elif claimed != way.total_out():
            self.broken("P16", f"{claimed} {direction}s are said to be out, and it is "
                        f"{way.total_out()}", stack, module)
            way.unknown_out = claimed - len(way.out)
