# SPDX-License-Identifier: Apache-2.0
"""The command on a terminal: what it shows at a width, and what typed keys do."""

import codecs
import fcntl
import os
import pty
import select
import struct
import termios
import time

from command import ISOBAR, clean_environment


class Terminal:
    """The command running on a pseudo-terminal of the given size."""

    def __init__(self, *args, store, columns=80, rows=24, **env):
        environment = clean_environment(**({"TERM": "xterm"} | env))
        if "NO_COLOR" not in env:
            environment.pop("NO_COLOR", None)
        command = [ISOBAR, "--store", str(store), *map(str, args)]
        self.process, self.master = pty.fork()
        if self.process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(command[0], command, environment)
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.shown = ""

    def read_until(self, words, seconds=60):
        """Read until words were shown; return what came since the last call."""
        begin = len(self.shown)
        deadline = time.monotonic() + seconds
        while words is None or words not in self.shown[begin:]:
            ready, _, _ = select.select([self.master], [], [], deadline - time.monotonic())
            assert ready, f"no {words!r} within {seconds} s: {self.shown[-500:]!r}"
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other end is closed
                data = b""
            if not data:
                assert words is None, f"ended before {words!r}: {self.shown[-500:]!r}"
                break
            self.shown += self.decoder.decode(data)
        return self.shown[begin:]

    def type(self, keys):
        os.write(self.master, keys.encode())

    def end(self, code=0):
        """Read to the end, check the exit code, return all that was shown."""
        self.read_until(None)
        os.close(self.master)
        _, status = os.waitpid(self.process, 0)
        assert os.waitstatus_to_exitcode(status) == code, self.shown[-500:]
        return self.shown.replace("\r\n", "\n")


def shown_on_terminal(*args, store, columns=80, code=0, **env):
    """Return the lines that the command shows on a terminal of that width."""
    return Terminal(*args, store=store, columns=columns, **env).end(code).splitlines()
