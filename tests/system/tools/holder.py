#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""holder.py - programs that hold sockets, for tests of who holds one.

usage: holder.py MODE [ARG...]

Prints one line of JSON when all is as its mode says, then waits until it is told to end (SIGTERM), and ends
with all its children. "q" in it is the question "PROTOCOL LOCAL PORT REMOTE PORT" of the socket's owner.
"""
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
HOME = {4: "127.0.0.1", 6: "::1"}
held = []  # what must not be collected


def question(protocol, sock, remote=None):
    local, peer = sock.getsockname()[:2], remote or sock.getpeername()[:2]
    strip = lambda text: text[7:] if text.startswith("::ffff:") else text
    return f"{protocol} {strip(local[0])} {local[1]} {strip(peer[0])} {peer[1]}"


def start(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return int(stat.read().rpartition(")")[2].split()[19])


def identity(pid=None):
    pid = pid or os.getpid()
    return {"pid": pid, "start": start(pid)}


def tell(**facts):
    print(json.dumps(facts), flush=True)
    while True:
        signal.pause()


def listener(version=4, reuse=False, host=None, port=0):
    sock = socket.socket(FAMILY[version], socket.SOCK_STREAM)
    if reuse:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((HOME[version] if host is None else host, port))
    sock.listen(8192)
    held.append(sock)
    return sock


def child(body):
    """Forks; body() runs in the child, which then waits for its end. Returns when body() is through."""
    ready = os.pipe()
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(ready[0])
        body()
        os.write(ready[1], b"x")
        while True:
            signal.pause()
    os.close(ready[1])
    os.read(ready[0], 1)
    os.close(ready[0])
    children.append(pid)
    return pid


children = []


def tcp(version=4):
    """A connected client and server, both of this process."""
    server = listener(version)
    client = socket.create_connection(server.getsockname()[:2])
    accepted, _ = server.accept()
    tell(**identity(), q=[question("tcp", client), question("tcp", accepted)])


def many(count):
    """COUNT connections; the questions are those of the clients."""
    server, lines = listener(), []
    for _ in range(int(count)):
        client = socket.create_connection(server.getsockname())
        held.append(client)
        held.append(server.accept()[0])
        lines.append(question("tcp", client))
    tell(**identity(), q=lines)


def unaccepted():
    server = listener()
    client = socket.create_connection(server.getsockname())
    local, peer = client.getsockname(), client.getpeername()
    held.append(client)
    tell(**identity(), q=[f"tcp {peer[0]} {peer[1]} {local[0]} {local[1]}"])


def accepts_late(after):
    """Listens in the parent; a child accepts after so many seconds and holds the connection alone."""
    server = listener()
    client = socket.create_connection(server.getsockname())
    local, peer = client.getsockname(), client.getpeername()
    ready = os.pipe()
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        client.close()
        time.sleep(float(after))
        connection, _ = server.accept()
        server.close()
        os.write(ready[1], b"x")
        held.append(connection)
        while True:
            signal.pause()
    children.append(pid)
    held.append(client)
    tell(**identity(), child=identity(pid), q=[f"tcp {peer[0]} {peer[1]} {local[0]} {local[1]}"])


def dual():
    """An IPv6 listener that takes IPv4 too: the questions are of an IPv4 and of an IPv6 connection."""
    server = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    port, lines = server.getsockname()[1], []
    for home in HOME.values():
        client = socket.create_connection((home, port))
        held.append(client)
        accepted, _ = server.accept()
        held.append(accepted)
        lines.append(question("tcp", accepted))
    tell(**identity(), port=port, q=lines)


def udp(version=4):
    """A connected sender, an unconnected one, and a receiver bound to all addresses."""
    receiver = socket.socket(FAMILY[version], socket.SOCK_DGRAM)
    receiver.bind(("", 0) if version == 4 else ("::", 0))
    to = (HOME[version], receiver.getsockname()[1])
    connected, loose = (socket.socket(FAMILY[version], socket.SOCK_DGRAM) for _ in range(2))
    connected.connect(to)
    connected.send(b"x")
    loose.sendto(b"x", to)
    held.extend((receiver, connected, loose))
    loose_port = loose.getsockname()[1]
    tell(**identity(), q=[question("udp", connected), f"udp {to[0]} {loose_port} {to[0]} {to[1]}",
                          f"udp {to[0]} {to[1]} {to[0]} {loose_port}"])


def udp_dual():
    receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.bind(("::", 0))
    held.append(receiver)
    tell(**identity(), q=[f"udp 127.0.0.1 {receiver.getsockname()[1]} 127.0.0.1 9"])


def udp_reuse():
    """Two processes with one UDP port; nobody can say who speaks."""
    port = []

    def bind(number):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", number))
        held.append(sock)
        port.append(sock.getsockname()[1])

    first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    first.bind(("127.0.0.1", 0))
    number = first.getsockname()[1]
    first.close()
    # two children, so that neither holds what the other has
    pids = [child(lambda: bind(number)) for _ in range(2)]
    tell(pids=pids, q=[f"udp 127.0.0.1 {number} 127.0.0.1 9"])


def short(count):
    """Sends so many datagrams, each with a socket of its own that is closed at once."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    held.append(receiver)
    to, lines = receiver.getsockname(), []
    for _ in range(int(count)):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.sendto(b"x", to)
        lines.append(f"udp 127.0.0.1 {sender.getsockname()[1]} 127.0.0.1 {to[1]}")
        sender.close()
    tell(**identity(), q=lines)


def closed():
    """A connection whose client was closed, and waits (TIME_WAIT)."""
    server = listener()
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    line = question("tcp", client)
    client.close()
    accepted.close()
    tell(**identity(), q=[line])


def forked():
    """A connection that two children hold too."""
    server = listener()
    client = socket.create_connection(server.getsockname())
    held.append(server.accept()[0])
    held.append(client)
    pids = [child(lambda: None) for _ in range(2)]
    tell(**identity(), children=pids, q=[question("tcp", client)])


def handed_down():
    """A connection that only a child holds, which is younger than the connection."""
    server = listener()
    client = socket.create_connection(server.getsockname())
    held.append(server.accept()[0])
    line = question("tcp", client)
    time.sleep(0.1)
    pid = child(lambda: held.append(client))
    client.close()
    tell(**identity(), child=identity(pid), q=[line])


def passed():
    """A connection that was passed to a process that is no child of its creator; both hold it."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def take():
        ends[0].close()
        # taken later than child() returns: the sender is this one's sibling
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _, fds, _, _ = socket.recv_fds(ends[1], 1, 1)
            held.append(fds)
            while True:
                signal.pause()
        held.append(pid)
        with open(os.environ["HOLDER_TMP"], "w", encoding="ascii") as file:
            file.write(str(pid))

    middle = child(take)
    with open(os.environ["HOLDER_TMP"], encoding="ascii") as file:
        taker = int(file.read())
    children.append(taker)
    server = listener()
    client = socket.create_connection(server.getsockname())
    held.append(server.accept()[0])
    held.append(client)
    socket.send_fds(ends[0], [b"x"], [client.fileno()])
    ends[0].close()
    while taker_holds(taker, client) is False:
        time.sleep(0.01)
    tell(**identity(), middle=middle, taker=identity(taker), q=[question("tcp", client)])


def taker_holds(pid, sock):
    inode = f"socket:[{os.fstat(sock.fileno()).st_ino}]"
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{name}") == inode:
                return True
        except OSError:
            pass
    return False


def descriptors(count, per):
    """COUNT descriptors in processes of PER each, and a connection among the last of them."""
    def fill():
        null = os.open("/dev/null", os.O_RDONLY)
        for _ in range(int(per)):
            os.dup(null)

    for _ in range(int(count) // int(per)):
        child(fill)
    server = listener()
    client = socket.create_connection(server.getsockname())
    held.extend((client, server.accept()[0]))
    tell(**identity(), q=[question("tcp", client)])


def reborn(old):
    """A child with the pid of a process that has ended (OLD) holds a connection alone."""
    server = listener()
    client = socket.create_connection(server.getsockname())
    line = question("tcp", client)
    held.append(server.accept()[0])
    held.append(client)
    pid = 0
    for _ in range(100):
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as file:
            file.write(str(int(old) - 1))
        pid = child(lambda: None)
        if pid == int(old):
            break
        os.kill(pid, signal.SIGKILL)  # somebody else was faster
        os.waitpid(pid, 0)
        children.remove(pid)
    held.remove(client)
    client.close()
    tell(**identity(pid), q=[line])


def echo(address, port):
    """Sends back what comes on any connection."""
    server = socket.create_server((address, int(port)), backlog=8192)
    selector = selectors.DefaultSelector()
    selector.register(server, selectors.EVENT_READ)
    print(json.dumps(identity()), flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is server:
                selector.register(server.accept()[0], selectors.EVENT_READ)
            elif data := key.fileobj.recv(65536):
                key.fileobj.sendall(data)
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()


def dial(address, port, count):
    """COUNT connections to an echo server; at each SIGUSR1 says a word on each of them and hears it."""
    for _ in range(int(count)):
        held.append(socket.create_connection((address, int(port))))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    print(json.dumps(identity()), flush=True)
    while signal.sigwait([signal.SIGUSR1]):
        for sock in held:
            sock.sendall(b"x")
        for sock in held:
            if sock.recv(1) != b"x":
                sys.exit("no echo")
        print(json.dumps("said"), flush=True)


MODES = {"echo": echo, "dial": dial, "tcp": tcp, "tcp6": lambda: tcp(6), "many": many, "unaccepted": unaccepted,
         "accepts-late": accepts_late, "dual": dual, "udp": udp, "udp6": lambda: udp(6), "udp-dual": udp_dual,
         "udp-reuse": udp_reuse, "short": short, "closed": closed, "forked": forked,
         "handed-down": handed_down, "passed": passed, "descriptors": descriptors, "reborn": reborn}


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        MODES[sys.argv[1]](*sys.argv[2:])
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            try:
                os.waitpid(pid, 0)  # its number is free when this program has ended
            except ChildProcessError:
                pass  # a child's child
    return 0


if __name__ == "__main__":
    sys.exit(main())
