# SPDX-License-Identifier: BSD-2-Clause
"""lwf.py - hand frames to a stack of a running lwfd from Python, and learn what became of each.

One file over liblwf-client (ctypes): nothing to build, nothing to install beside it, Python 3.9 or
later. lwf-python(3) is its page; include/lwf/inject.h is the library below.

    import lwf
    with lwf.Handle("eth1") as handle:
        handle.submit(frame)                # bytes, from the destination MAC on, without FCS
        handle.flush(1.0)
        for answer in handle.poll():
            print(answer)                   # SUCCESS, or why not

With scapy, lwf.LwfSocket is a socket whose sends have answers:

    from lwf import LwfSocket
    with LwfSocket("eth1") as link:
        reply = link.sr1(Ether() / IP(dst="10.9.0.2") / ICMP(), timeout=1)

Threads: calls on one handle take turns, and none keeps another from its turn while it waits; let one
thread take the events. After a fork() a handle belongs to one of the two processes.
"""
import collections
import ctypes
import errno
import json
import os
import select
import socket
import struct
import threading
import time
import typing
from pathlib import Path

__all__ = ["Answer", "Error", "Gone", "Handle", "NoRoom", "NoSuchStack", "NotPermitted", "Refused",
           "StateChange", "Ticket", "TimedOut", "Unreachable", "Usage", "ledger", "show"]

BATCH = 64       # events taken from the library at a time
FOREVER = 1e9    # seconds
LOOK = 0.1       # seconds; a sleeper looks so often whether another thread took what it waits for


# ---- errors: the thing, the reason, the next step ----

class Error(Exception):
    """What went wrong, in the words that every program of the project uses. exit: its exit code."""
    exit = 1

    def __init__(self, what, why, next_step=""):
        super().__init__(what, why, next_step)
        self.what, self.why, self.next = what, why, next_step

    def __str__(self):
        return f"{self.what}: {self.why}" + (f"; {self.next}" if self.next else "")


class Usage(Error):  # the call itself is wrong
    exit = 2


class Unreachable(Error):  # no lwfd answers at the socket, or it is of another version
    exit = 3


class Gone(Unreachable):  # the lwfd of this handle, and every answer has been taken
    pass


class NotPermitted(Error):  # by the roles that lwfd grants this user, or by the kernel
    exit = 4


class NoSuchStack(Error):  # or module, or interface
    exit = 5


class Refused(Error):  # by the state of the stack, or because something is used up
    exit = 6


class NoRoom(Refused):  # the rings are full: take answers, then submit again
    pass


class TimedOut(Error):  # lwfd did not answer in time; the handle is as good as before
    exit = 124


_ERRORS = {kind.exit: kind for kind in (Usage, Unreachable, NotPermitted, NoSuchStack, Refused, TimedOut)}


def _error(code, what, why, next_step=""):
    error = _ERRORS.get(code, Error)(what, why, next_step)
    error.exit = code
    return error


# ---- the C structures, checked against the headers by tests/python/test_layout.py ----

class _Options(ctypes.Structure):
    _c_name_ = "struct lwf_inject_options"
    _fields_ = [("size", ctypes.c_size_t), ("control", ctypes.c_char_p), ("stack", ctypes.c_char_p),
                ("module", ctypes.c_char_p), ("when_paused", ctypes.c_int),
                ("timeout_ns", ctypes.c_uint64), ("state_events", ctypes.c_bool),
                ("answer_resources", ctypes.c_bool), ("wait_ns", ctypes.c_uint64), ("nic", ctypes.c_char_p)]


class _Frame(ctypes.Structure):
    _c_name_ = "struct lwf_inject_frame"
    _fields_ = [("data", ctypes.c_char_p), ("len", ctypes.c_uint32), ("flags", ctypes.c_uint32),
                ("context", ctypes.c_uint64), ("cancel_id", ctypes.c_uint32)]


class _Event(ctypes.Structure):
    _c_name_ = "struct lwf_inject_event"
    _fields_ = [("kind", ctypes.c_int), ("status", ctypes.c_uint32), ("reason", ctypes.c_int),
                ("refused", ctypes.c_bool), ("error", ctypes.c_uint32), ("frames", ctypes.c_uint32),
                ("bytes", ctypes.c_uint32), ("id", ctypes.c_uint64), ("context", ctypes.c_uint64),
                ("state", ctypes.c_int), ("epoch", ctypes.c_uint32), ("changes", ctypes.c_uint32),
                ("win32", ctypes.c_uint32)]


ANSWERS = 16  # columns of a ledger


class _Stats(ctypes.Structure):
    _c_name_ = "struct lwf_inject_stats"
    _fields_ = [("submitted", ctypes.c_uint64), ("completed", ctypes.c_uint64 * ANSWERS),
                ("refused", ctypes.c_uint64 * ANSWERS), ("sent", ctypes.c_uint64), ("frames", ctypes.c_uint64),
                ("bytes", ctypes.c_uint64), ("in_flight", ctypes.c_uint64), ("turned_away", ctypes.c_uint64)]


class _Error(ctypes.Structure):
    _c_name_ = "struct lwf_error"
    _fields_ = [("exit", ctypes.c_int), ("what", ctypes.c_char * 128), ("why", ctypes.c_char * 384),
                ("next", ctypes.c_char * 256)]


_NUMBERS = {
    "LWF_INJECT_RECEIVE": 1, "LWF_INJECT_TRUNCATED": 2, "LWF_INJECT_SHORT": 4,
    "LWF_INJECT_ANSWER": 0, "LWF_INJECT_STATE": 1, "LWF_STATUS_SUCCESS": 0,
    "LWF_WHEN_PAUSED_FAIL": 0, "LWF_WHEN_PAUSED_WAIT": 1, "LWF_WHEN_PAUSED_NPCAP": 2,
    "LWF_INJECT_ANSWERS": ANSWERS,
    "LWF_WIRE_MAGIC": 0x4c57, "LWF_WIRE_VERSION": 1, "LWF_WIRE_FLAG_MORE": 1,
    "LWF_WIRE_MESSAGE_MAX_BYTES": 65536, "LWF_WIRE_SHOW": 2, "LWF_WIRE_LEDGER": 3,
    "LWF_WIRE_REPLY": 100, "LWF_WIRE_ERROR": 101,
}
_WHEN_PAUSED = {name: _NUMBERS[f"LWF_WHEN_PAUSED_{name.upper()}"] for name in ("fail", "wait", "npcap")}

_handle = ctypes.c_void_p
_FUNCTIONS = {
    "lwf_inject_open": (ctypes.c_int, [ctypes.POINTER(_Options), ctypes.POINTER(_handle), ctypes.POINTER(_Error)]),
    "lwf_inject_close": (None, [_handle]),
    "lwf_inject_submit": (ctypes.c_int, [_handle, ctypes.POINTER(_Frame), ctypes.c_uint32,
                                         ctypes.POINTER(ctypes.c_uint64)]),
    "lwf_inject_poll": (ctypes.c_int, [_handle, ctypes.POINTER(_Event), ctypes.c_uint32]),
    "lwf_inject_fd": (ctypes.c_int, [_handle]),
    "lwf_inject_cancel": (ctypes.c_int, [_handle, ctypes.c_uint32]),
    "lwf_inject_ping": (ctypes.c_int, [_handle, ctypes.c_uint64]),
    "lwf_inject_abandon": (None, [_handle]),
    "lwf_inject_outstanding": (ctypes.c_uint32, [_handle]),
    "lwf_inject_state": (None, [_handle, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_uint32)]),
    "lwf_inject_is_gone": (ctypes.c_bool, [_handle, ctypes.POINTER(ctypes.c_char_p)]),
    "lwf_inject_session": (ctypes.c_uint32, [_handle]),
    "lwf_inject_stats": (None, [_handle, ctypes.POINTER(_Stats)]),
    "lwf_inject_ledger": (ctypes.c_int, [_handle, ctypes.c_uint64, ctypes.POINTER(_Stats)]),
    "lwf_inject_errno": (ctypes.c_int, [ctypes.c_uint32, ctypes.c_int, ctypes.c_uint32, ctypes.c_int]),
    "lwf_inject_win32_text": (ctypes.c_char_p, [ctypes.c_uint32]),
    "lwf_answer_status": (ctypes.c_uint32, [ctypes.c_int]),
    "lwf_status_name": (ctypes.c_char_p, [ctypes.c_uint32]),
    "lwf_reason_name": (ctypes.c_char_p, [ctypes.c_int]),
    "lwf_reason_text": (ctypes.c_char_p, [ctypes.c_int]),
    "lwf_state_name": (ctypes.c_char_p, [ctypes.c_int]),
}


# ---- the library ----

def _candidates():
    """LWF_CLIENT_LIBRARY; the library that was installed together with this file; the system's."""
    named = os.environ.get("LWF_CLIENT_LIBRARY")
    if named:
        return [named]
    here = Path(__file__).resolve().parent
    beside = []
    if here.parts[-3:] == ("share", "lwf", "python") or here.name == "dist-packages":
        for folder in ("lib", "lib64", "lib/*"):
            beside += map(str, here.parents[2].glob(f"{folder}/liblwf-client.so.0"))
    return beside + ["liblwf-client.so.0"]


def _load():
    for name in _candidates():
        try:
            library = ctypes.CDLL(name)
            break
        except OSError as error:
            reason = error
    else:
        raise Error("liblwf-client.so.0", str(reason),
                    "install it, or name it with LWF_CLIENT_LIBRARY=/path/to/liblwf-client.so.0")
    for function, (result, arguments) in _FUNCTIONS.items():
        try:
            entry = getattr(library, function)
        except AttributeError:
            raise Error(name, f"it has no {function}", "install lwf.py and liblwf-client of one version") from None
        entry.restype, entry.argtypes = result, arguments
    return library


_library = None


def _lib():
    global _library
    if _library is None:
        _library = _load()
    return _library


def _text(raw):
    return raw.decode("utf-8", "replace") if raw else ""


def _raw(text):
    return None if text is None else os.fsencode(text)


def _ns(seconds):
    return int(min(max(seconds, 0), FOREVER) * 1e9)


# ---- events ----

class Answer(typing.NamedTuple):
    """The one answer to a frame. str() of it is a sentence."""
    id: int          # as submit() gave it
    status: str      # name of the NDIS_STATUS: "SUCCESS", "PAUSED" ...
    code: int        # its number
    reason: str      # name of the reason: "none", "not-running" ...
    why: str         # the reason as a sentence
    refused: bool    # it was never admitted
    errno: int       # the errno that says it best; with FAILURE the device's own; 0 with SUCCESS
    win32: int       # with when_paused "npcap": what GetLastError() would have said
    frames: int      # on the wire, with SUCCESS
    bytes: int       # on the wire, with SUCCESS, without FCS
    context: object  # as submit() got it

    @property
    def ok(self):
        """The device took the frame."""
        return self.code == _NUMBERS["LWF_STATUS_SUCCESS"]

    def __str__(self):
        if self.ok:
            return self.status
        seen = f" ({_text(_lib().lwf_inject_win32_text(self.win32))})" if self.win32 else ""
        return f"{self.status}: {os.strerror(self.errno) if self.status == 'FAILURE' else self.why}{seen}"


class StateChange(typing.NamedTuple):
    """The stack is in another state (only with state_events)."""
    state: str    # "Detached", "Paused", "Running" ...
    epoch: int    # lives of the stack: another one means that it was detached
    changes: int  # how often the state has changed; steps of more than one are changes that came and went

    def __str__(self):
        return f"the stack is {self.state}"


# ---- a handle ----

class Handle:
    """A session with one stack. It outlives links, pauses and modules; every frame gets one answer.

    stack         as `lwfctl show` names it, or the name of its interface; or nic, the interface's alone
    module        through which module; None: the one named inject
    control       lwfd's socket; None: LWF_CONTROL, else the runtime directory
    when_paused   "fail": frames are answered PAUSED at once; "wait": they leave when the stack runs again;
                  "npcap": as fail, and answers say in win32 what a program of Npcap would have seen
    wait          with "wait", seconds after which they are answered PAUSED all the same; None: for ever
    timeout       seconds that opening, cancelling and a ping may take
    state_events  changes of the stack's state come as events, between the answers
    answer_resources  frames without room are answered RESOURCES; without it submit() raises NoRoom
    """

    def __init__(self, stack=None, *, nic=None, module=None, control=None, when_paused="fail", wait=None,
                 timeout=5.0, state_events=False, answer_resources=False):
        self._handle = None
        if when_paused not in _WHEN_PAUSED:
            raise Usage("when_paused", f"'{when_paused}' is none of {', '.join(sorted(_WHEN_PAUSED))}")
        if wait is not None and when_paused != "wait":
            raise Usage("wait", f"frames do not wait with when_paused={when_paused!r}")
        self._c = _lib()
        self._lock = threading.RLock()
        self._ready = collections.deque()  # events taken from the library while somebody waited
        self._unread = 0                   # of these, answers
        self._contexts = {}
        self._events = (_Event * BATCH)()
        self._when_paused = _WHEN_PAUSED[when_paused]
        options = _Options(ctypes.sizeof(_Options), _raw(control), _raw(stack), _raw(module), self._when_paused,
                           _ns(timeout), state_events, answer_resources, max(_ns(wait or 0), wait is not None),
                           _raw(nic))
        handle, error = _handle(), _Error()
        if self._c.lwf_inject_open(ctypes.byref(options), ctypes.byref(handle), ctypes.byref(error)):
            raise _error(error.exit, _text(error.what), _text(error.why), _text(error.next))
        self.stack, self.timeout = stack or nic, timeout
        self._handle = handle

    def _open(self):
        if self._handle is None:
            raise ValueError("the handle is closed")
        return self._handle

    def close(self):
        """Gives up the session. What is in flight goes on, and is answered to nobody: flush() first."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with self._lock:
                self._c.lwf_inject_close(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        self.close()

    # -- frames in --

    def submit(self, frame, *, context=None, **flags):
        """Hands a frame over, never waits, and returns its id. Raises NoRoom or Gone.

        context    any object; comes back in the answer
        receive    towards the host, as if the network had sent it; else towards the NIC
        truncated  a capture cut it short: send what is there; short: refuse it with INVALID_LENGTH
        cancel_id  number for cancel(), not 0
        """
        ids = self.submit_many([frame], contexts=[context], **flags)
        if not ids:
            raise NoRoom(self.stack, "the rings are full", "take answers with poll(), then submit again")
        return ids[0]

    def submit_many(self, frames, *, contexts=None, receive=False, truncated=False, short=False, cancel_id=0):
        """Hands frames over in order, and returns the ids of those taken: fewer when room runs out."""
        frames = [bytes(frame) for frame in frames]
        contexts = [None] * len(frames) if contexts is None else list(contexts)
        if len(contexts) != len(frames):
            raise Usage("contexts", f"{len(contexts)} of them for {len(frames)} frames")
        flags = (_NUMBERS["LWF_INJECT_RECEIVE"] * bool(receive) | _NUMBERS["LWF_INJECT_SHORT"] * bool(short) |
                 _NUMBERS["LWF_INJECT_TRUNCATED"] * bool(truncated))
        batch = (_Frame * len(frames))(*((frame, len(frame), flags, 0, cancel_id) for frame in frames))
        ids = (ctypes.c_uint64 * len(frames))()
        with self._lock:
            taken = self._c.lwf_inject_submit(self._open(), batch, len(frames), ids)
            if taken == -errno.EAGAIN:
                return []
            self._raise(taken)
            for number, context in zip(ids[:taken], contexts):
                if context is not None:
                    self._contexts[number] = context
        return ids[:taken]

    # -- events out --

    def _event(self, event):
        if event.kind == _NUMBERS["LWF_INJECT_STATE"]:
            return StateChange(_text(self._c.lwf_state_name(event.state)), event.epoch, event.changes)
        number = self._c.lwf_inject_errno(event.status, event.reason, event.error, self._when_paused)
        return Answer(event.id, _text(self._c.lwf_status_name(event.status)), event.status,
                      _text(self._c.lwf_reason_name(event.reason)), _text(self._c.lwf_reason_text(event.reason)),
                      event.refused, number, event.win32, event.frames, event.bytes,
                      self._contexts.pop(event.id, None))

    def _take(self):
        """Takes a batch from the library into _ready. How many; raises Gone when there is no more."""
        taken = self._c.lwf_inject_poll(self._open(), self._events, BATCH)
        if taken != -errno.ENOTCONN or not self._ready:
            self._raise(taken)
        for event in self._events[:max(taken, 0)]:
            self._ready.append(self._event(event))
            self._unread += isinstance(self._ready[-1], Answer)
        return max(taken, 0)

    def poll(self, limit=1024):
        """Takes up to limit events, in order, and never waits: a list of Answer and StateChange.

        When it is empty, fileno() becomes readable with the next event. Raises Gone once lwfd is gone
        and every answer has been taken.
        """
        with self._lock:
            while len(self._ready) < limit and self._take() == BATCH:
                pass
            events = [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]
            self._unread -= sum(isinstance(event, Answer) for event in events)
        return events

    def fileno(self):
        """For select, selectors, asyncio: whenever it is readable, and once at first, poll() until empty."""
        return self._c.lwf_inject_fd(self._open())

    def _sleep(self, deadline):
        """Until the descriptor is readable, or for a while; False when the deadline has passed."""
        left = deadline - time.monotonic()
        waiter = select.poll()
        waiter.register(self.fileno(), select.POLLIN)
        return bool(waiter.poll(min(max(left, 0), LOOK) * 1000)) or left > LOOK

    def wait(self, timeout=FOREVER):
        """Waits for an event, in seconds. False: none came. Raises Gone."""
        deadline = time.monotonic() + timeout
        while True:
            with self._lock:
                if self._ready or self._take():
                    return True
            if not self._sleep(deadline):
                return False

    def flush(self, timeout=FOREVER):
        """Waits until every frame has its answer, which is still to be polled. False: not in time."""
        deadline = time.monotonic() + timeout
        while True:
            with self._lock:
                while self._c.lwf_inject_outstanding(self._open()) and self._take():
                    pass
                if not self._c.lwf_inject_outstanding(self._open()):
                    return True
            if not self._sleep(deadline):
                return False

    def events(self, timeout=FOREVER):
        """Yields events as they come, until none has come for timeout seconds, or lwfd is gone."""
        try:
            while self.wait(timeout):
                yield from self.poll(BATCH)
        except Gone:
            return

    # -- the rest --

    def _raise(self, result):
        if result == -errno.ENOTCONN:
            raise Gone(self.stack, self.gone or "lwfd is gone", "open another handle")
        if result == -errno.ETIMEDOUT:
            raise TimedOut(self.stack, "lwfd did not answer in time", "see whether it is stopped or stuck")
        if result < 0:
            raise Error(self.stack, os.strerror(-result))

    def cancel(self, cancel_id=0):
        """Frames of that number (0: all) are answered SEND_ABORTED, unless the device has them already."""
        with self._lock:
            self._raise(self._c.lwf_inject_cancel(self._open(), cancel_id))

    def ping(self, timeout=None):
        """Returns when lwfd has given a sign of life; raises TimedOut or Gone."""
        with self._lock:
            self._raise(self._c.lwf_inject_ping(self._open(), _ns(self.timeout if timeout is None else timeout)))

    def abandon(self):
        """Gives up on lwfd: what is not answered now is answered UNKNOWN."""
        with self._lock:
            self._c.lwf_inject_abandon(self._open())

    @property
    def outstanding(self):
        """Frames submitted whose answers poll() has not handed out."""
        with self._lock:
            return self._c.lwf_inject_outstanding(self._open()) + self._unread

    def _state(self):
        state, epoch = ctypes.c_int(), ctypes.c_uint32()
        with self._lock:
            self._c.lwf_inject_state(self._open(), ctypes.byref(state), ctypes.byref(epoch))
        return _text(self._c.lwf_state_name(state.value)), epoch.value

    @property
    def state(self):
        """The stack's state now: "Running", "Paused" ...; Detached once lwfd is gone."""
        return self._state()[0]

    @property
    def epoch(self):
        """Lives of the stack, low 32 bits."""
        return self._state()[1]

    @property
    def gone(self):
        """Why lwfd is gone, in words; None while it is there."""
        why = ctypes.c_char_p()
        with self._lock:
            return _text(why.value) if self._c.lwf_inject_is_gone(self._open(), ctypes.byref(why)) else None

    def _account(self, stats):
        def column(values):
            return {_text(self._c.lwf_status_name(self._c.lwf_answer_status(answer))): count
                    for answer, count in enumerate(values) if count}
        account = {name: getattr(stats, name) for name, _ in _Stats._fields_}
        return {**account, "completed": column(stats.completed), "refused": column(stats.refused)}

    def stats(self):
        """The handle's own ledger, a dict: submitted = completed + refused + in_flight, at any time.

        It counts answers when poll() or a wait takes them from the rings.
        """
        stats = _Stats()
        with self._lock:
            self._c.lwf_inject_stats(self._open(), ctypes.byref(stats))
        return self._account(stats)

    def ledger(self, timeout=None):
        """The same as lwfd counts it for this session. Raises TimedOut or Gone."""
        stats = _Stats()
        with self._lock:
            self._raise(self._c.lwf_inject_ledger(self._open(), _ns(self.timeout if timeout is None else timeout),
                                                  ctypes.byref(stats)))
        return self._account(stats)

    @property
    def session(self):
        """The session's number in lwfd, as `lwfctl show` lists it."""
        return self._c.lwf_inject_session(self._open())


# ---- what lwfd knows: docs/wire.md ----

def _control_path():
    if os.environ.get("LWF_CONTROL"):
        return os.environ["LWF_CONTROL"]
    if os.geteuid() == 0:
        return "/run/lwf/control"
    return os.path.join(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}", "lwf/control")


def _ask(kind, stack, control, timeout):
    path = os.fspath(control) if control else _control_path()
    header = struct.Struct("=HBBHHII")
    body = json.dumps({"stack": stack} if stack else {}).encode()
    text = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.settimeout(timeout)
        try:
            link.connect(path)
            link.send(header.pack(_NUMBERS["LWF_WIRE_MAGIC"], _NUMBERS["LWF_WIRE_VERSION"], 0, kind, 0,
                                  len(body), 1) + body)
            more = True
            while more:
                packet = link.recv(header.size + _NUMBERS["LWF_WIRE_MESSAGE_MAX_BYTES"])
                magic, _, flags, answer, _, length, _ = header.unpack_from(packet.ljust(header.size, b"\0"))
                if magic != _NUMBERS["LWF_WIRE_MAGIC"] or length != len(packet) - header.size:
                    raise Unreachable(path, "what answers there is not lwfd", "see the socket's path")
                text += packet[header.size:]
                more = flags & _NUMBERS["LWF_WIRE_FLAG_MORE"]
        except socket.timeout:
            raise TimedOut(path, "no answer in time", "see whether lwfd is stopped or stuck") from None
        except PermissionError:
            raise NotPermitted(path, "you may not use this socket",
                               "run as root, or join the group that lwfd --group names") from None
        except OSError as error:
            raise Unreachable(path, error.strerror, "start lwfd, or name its socket with control=") from None
    told = json.loads(text)
    if answer == _NUMBERS["LWF_WIRE_ERROR"]:
        raise _error(told["exit"], told["what"], told["why"], told.get("next", ""))
    return told


def show(stack=None, *, control=None, timeout=5.0):
    """What `lwfctl show --json` says, as a dict: states, links, modules, counters, sessions."""
    return _ask(_NUMBERS["LWF_WIRE_SHOW"], stack, control, timeout)


def ledger(stack=None, *, control=None, timeout=5.0):
    """What `lwfctl ledger --json` says, as a dict: what was submitted, and what became of it."""
    return _ask(_NUMBERS["LWF_WIRE_LEDGER"], stack, control, timeout)


# ---- scapy: imported when LwfSocket is asked for ----

class Ticket(int):
    """What LwfSocket.send() returns: the number of bytes handed over, and later what became of them."""
    packet = None  # what was sent
    answer = None  # an Answer, once there is one

    @property
    def status(self):
        """Name of the NDIS_STATUS; None as long as there is no answer."""
        return self.answer.status if self.answer else None

    @property
    def ok(self):
        """The device took the frame; None as long as nobody knows."""
        return self.answer.ok if self.answer else None

    def __repr__(self):
        return f"<Ticket: {int(self)} bytes, {self.answer or 'no answer yet'}>"


_RAW_NEXT = "give iface=False to send without receiving"
SO_TIMESTAMPNS, PACKET_AUXDATA, SOL_PACKET = 35, 8, 263       # not in Python's socket module
PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 1, 1


def _upper_tap(name, control):
    """The TAP on top of a stack, where what comes from the network ends up."""
    stacks = show(control=control)["stacks"]
    found = [one for one in stacks if one["name"] == name] or [one for one in stacks if one["lower"]["name"] == name]
    upper = found[0]["upper"] if found else None
    if not upper or upper["kind"] != "tap":
        raise Refused(name, "there is no TAP on top of it to receive from", _RAW_NEXT)
    return upper["name"]


def _packet_socket(iface, protocol, promiscuous, bufsize):
    try:
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            link.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            link.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, bufsize)
            link.bind((iface, protocol))
            if promiscuous:
                link.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                                struct.pack("=iHH8s", socket.if_nametoindex(iface), PACKET_MR_PROMISC, 0, b""))
        except OSError:
            link.close()
            raise
    except PermissionError:
        raise NotPermitted(iface, "receiving from it needs CAP_NET_RAW", _RAW_NEXT) from None
    except OSError as error:
        raise NoSuchStack(iface, f"cannot be received from: {error.strerror}", _RAW_NEXT) from None
    return link


def _make_lwf_socket():
    from scapy.config import conf
    from scapy.data import ETH_P_ALL, MTU
    from scapy.interfaces import network_name
    from scapy.layers.l2 import Ether
    from scapy.supersocket import SuperSocket

    class LwfSocket(SuperSocket):
        """A scapy socket of layer 2: sends go through a stack of lwfd and have answers.

        stack      as for Handle, as are nic, module, control, when_paused, wait, timeout
        direction  "send": frames go towards the NIC, and what the stack hands the host is received;
                   "receive": frames go to the host as if the network had sent them, and what the host
                   sends is received
        iface      where to receive: a packet socket on this interface (None: the TAP of the stack, found
                   by asking lwfd; False: nowhere). It sees what passed all modules, or has not met one yet.
        filter, promisc, type, nofilter  as for scapy's own sockets, of what is received
        keep       answers kept for answers() at most; older ones are forgotten, and counted so
        """
        desc = "send through a stack of lwfd, with an answer to every frame"
        nonblocking_socket = False
        auxdata_available = True

        def __init__(self, stack=None, iface=None, direction="send", *, filter=None, promisc=None, type=ETH_P_ALL,
                     nofilter=0, monitor=None, keep=65536, control=None, **options):
            self.closed = True  # until there is something to close
            self.ins = self.outs = None
            if direction not in ("send", "receive"):
                raise Usage("direction", f"'{direction}' is neither send nor receive")
            if monitor:
                raise Usage("monitor", "a stack of lwfd has no monitor mode")
            self.handle = Handle(stack, control=control, **options)
            self.closed = False
            self.direction, self.LL, self.forgotten = direction, Ether, 0
            self._keep, self._mutex, self._settled = keep, threading.RLock(), collections.deque()
            try:
                if iface is not False:
                    self.iface = network_name(iface) if iface else _upper_tap(self.handle.stack, control)
                    self._listen(type, conf.sniff_promisc if promisc is None else promisc,
                                 self._filter(filter, nofilter, conf.except_filter))
            except Exception:
                self.close()
                raise

        @staticmethod
        def _filter(wanted, nofilter, unwanted):
            if nofilter or not unwanted:
                return wanted
            return f"({wanted}) and not ({unwanted})" if wanted else f"not ({unwanted})"

        def _listen(self, protocol, promiscuous, bpf):
            self.ins = _packet_socket(self.iface, protocol, promiscuous, conf.bufsize)
            if bpf:
                from scapy.arch.linux import attach_filter
                attach_filter(self.ins, bpf, self.iface)

        # -- sending --

        def send(self, x):
            """Hands a packet over and returns its Ticket. Waits only for room, at most the timeout."""
            data = bytes(x)
            ticket = Ticket(len(data))
            ticket.packet = x
            deadline = time.monotonic() + self.handle.timeout
            while True:
                self._hear()
                try:
                    self.handle.submit(data, context=ticket, receive=self.direction == "receive")
                    break
                except NoRoom:
                    if not self.handle.wait(deadline - time.monotonic()):
                        raise
            try:
                x.sent_time = time.time()
            except AttributeError:
                pass  # bytes
            self._hear()
            return ticket

        def _events(self):
            try:
                while True:
                    events = self.handle.poll()
                    if not events:
                        return
                    yield from events
            except Gone:
                return

        def _hear(self):
            with self._mutex:
                for event in self._events():
                    if isinstance(event, Answer):
                        event.context.answer = event._replace(context=None)
                        self._settled.append(event.context)
                while len(self._settled) > self._keep:
                    self._settled.popleft()
                    self.forgotten += 1

        def answers(self):
            """Tickets that were answered since the last call, in the order of their answers."""
            self._hear()
            with self._mutex:
                tickets, self._settled = list(self._settled), collections.deque()
            return tickets

        def flush(self, timeout=FOREVER):
            """Waits until every packet sent has its answer. False: not in time."""
            done = self.handle.flush(timeout)
            self._hear()
            return done

        def ledger(self):
            """What was sent and what became of it: submitted = completed + refused + in_flight."""
            self._hear()
            return self.handle.stats()

        # -- receiving --

        def recv_raw(self, x=MTU):
            if self.ins is None:
                self._hear()
                return None, None, None
            data, address, stamp = self._recv_raw(self.ins, x)
            if (address[2] == socket.PACKET_OUTGOING) != (self.direction == "receive"):
                return None, None, None
            return self.LL, data, stamp

        def fileno(self):
            return self.handle.fileno() if self.ins is None else self.ins.fileno()

        def close(self):
            """Waits for the answers that are still to come, at most the timeout, and gives up the session."""
            if self.closed:
                return
            self.closed = True
            try:
                self.flush(self.handle.timeout)
            except Gone:
                pass
            self.handle.close()
            if self.ins is not None:
                self.ins.close()

    LwfSocket.__module__, LwfSocket.__qualname__ = __name__, "LwfSocket"
    return LwfSocket


def __getattr__(name):
    if name != "LwfSocket":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()[name] = _make_lwf_socket()
    return made
