# SPDX-License-Identifier: BSD-3-Clause
"""Threads of a process that are stopped from outside, as a debugger does it: the others run on."""

import contextlib
import ctypes
import os

from world.lab import wait_until

SEIZE, INTERRUPT, CONT, DETACH = 0x4206, 0x4207, 7, 17
WAIT_ALL = 0x40000000
CLOCK_NANOSLEEP = "230"  # x86-64

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, tid):
    if _libc.ptrace(request, tid, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {tid}")


def threads(pid, prefix):
    """The ids of the threads whose name begins so, by name."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as name:
            text = name.read().strip()
        if text.startswith(prefix):
            found[text] = int(tid)
    return [found[name] for name in sorted(found)]


def has_ended(tid):
    """Of a thread that is stopped here: its process is not gone before this was true."""
    found, status = os.waitpid(tid, WAIT_ALL | os.WNOHANG)
    return found == tid and (os.WIFEXITED(status) or os.WIFSIGNALED(status))


@contextlib.contextmanager
def stopped_asleep(pid, tid):
    """The thread is stopped in a sleep, and goes on at the end."""
    def stopped():
        _ptrace(INTERRUPT, tid)
        os.waitpid(tid, WAIT_ALL)
        with open(f"/proc/{pid}/task/{tid}/syscall", encoding="utf-8") as syscall:
            if syscall.read().split()[0] == CLOCK_NANOSLEEP:
                return True
        _ptrace(CONT, tid)
        return False

    _ptrace(SEIZE, tid)
    try:
        wait_until(stopped, 10, f"thread {tid} sleeps", 0.01)
        yield
        with contextlib.suppress(ProcessLookupError):  # it may have ended with its process
            _ptrace(DETACH, tid)
    except BaseException:
        # It may be running, and then it is let go with this thread only.
        with contextlib.suppress(OSError):
            _ptrace(DETACH, tid)
        raise
