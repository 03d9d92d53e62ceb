"""`python -m bot.runtime.child PARENT_PID PROGRAM ARGS...`: become PROGRAM, and end when the parent does.

A supervisor that is killed outright cannot stop anybody. On Linux the kernel does it then: PR_SET_PDEATHSIG sends
SIGTERM to the child. It is asked for here, in a fresh single-threaded process, because Python code between fork and
exec (`preexec_fn`) can deadlock in a parent with threads. Elsewhere the next `tongfa up` ends what was left over.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> bool:
    """Ask the kernel for SIGTERM at the parent's end. False if that has already come."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent


def main(arguments: list[str]) -> int:
    """Never returns when all is well: the process turns into the program. 127: there is no such program."""
    parent, program = int(arguments[0]), arguments[1:]
    if not die_with_parent(parent):
        return 0
    try:
        os.execvp(program[0], program)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"无法启动 {program[0]}（系统错误 {error.errno}）：请确认程序还在，并且有权运行。\n".encode())
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
