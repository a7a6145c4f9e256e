# SPDX-License-Identifier: BSD-2-Clause
#
# person.py - a person at a terminal: runs a program on a pty, presses keys, keeps what is shown.
#
# usage: person.py LOG FIFO CMD... The keys come out of FIFO, what is shown goes to LOG. Ends with CMD's exit
# code; 99 when the terminal was not given back as it was.
import os
import pty
import select
import struct
import sys
import fcntl
import termios

log, fifo, command = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
before = termios.tcgetattr(terminal)
keys = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
with open(log, "ab", buffering=0) as out:
    after = before
    while True:
        ready, _, _ = select.select([terminal, keys], [], [])
        if keys in ready:
            os.write(terminal, os.read(keys, 100))
        if terminal in ready:
            try:
                shown = os.read(terminal, 65536)
            except OSError:
                break
            if not shown:
                break
            out.write(shown)
        after = termios.tcgetattr(terminal)
_, status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(status)
sys.exit(99 if code == 0 and after[3] != before[3] else code)
