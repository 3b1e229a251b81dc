"""A process that has imported the action once; every run that a test asks for is a fork of it.

Importing the SDKs costs half a second of CPU, a fork a few milliseconds. Requests are lines of JSON on standard input
(``environ`` and ``log``), answers lines on standard output (``exit_code`` and ``memory`` in KiB).
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

# The SDKs import these when the first client is made, which would be in every fork.
import httpcore2  # noqa: E402, F401
import opentelemetry.baggage.propagation  # noqa: E402
import opentelemetry.metrics  # noqa: E402
import opentelemetry.propagate  # noqa: E402
import opentelemetry.trace.propagation.tracecontext  # noqa: E402, F401

import ai_dev.main  # noqa: E402
import entrypoint  # noqa: E402

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {"os.mkdir": 2, "os.remove": 1, "os.rmdir": 1, "os.rename": None, "os.link": None, "os.symlink": None}
"""Events whose first argument is a path that changes -> where the folder is that it is relative to, if it may be."""
_PROCESSES = {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"}


def watch(path: str) -> None:
    """Note from now on what this process writes, connects to and starts, one line of JSON each, in a file.

    These are Python's own audit events: what extension modules do by themselves (the sockets of e2b's transport) is
    not seen.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def hear(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[2], int) and args[2] & _WRITES:
            noted = ["write", os.fsdecode(args[0]) if isinstance(args[0], str | bytes | os.PathLike) else ""]
        elif event in _PATHS:
            folder = args[at] if (at := _PATHS[event]) is not None else -1
            above = Path(f"/proc/self/fd/{folder}").readlink() if folder >= 0 else Path()
            noted = ["write", str(above / os.fsdecode(args[0]))]
        elif event in ("socket.connect", "socket.getaddrinfo"):
            address = args[1] if event == "socket.connect" else args[:2]
            noted = ["connect", *map(str, address[:2])] if isinstance(address, tuple) else ["connect", str(address), ""]
        elif event in _PROCESSES:
            noted = ["process", event, *map(str, args[:2])]
        else:
            return
        os.write(file, json.dumps(noted).encode() + b"\n")

    if threading.gettrace() and sys.version_info < (3, 12):
        # Coverage is measured, and Python 3.11 lets no thread begin to be traced while another one that does is in an
        # audit hook: it dies unseen, and the run waits for it for ever. So threads take turns only where they wait.
        sys.setswitchinterval(1)
    sys.addaudithook(hear)


def carry_out(environ: dict[str, str], log: str) -> None:
    """Become the action: its output, its environment, its exit code."""
    watch(f"{log}.audit")
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.environ.clear()
    os.environ.update(environ)
    code = 99
    try:
        environment = entrypoint.take_environment()
        entrypoint.note_start(environment)
        code = ai_dev.main.main(environment)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Serve until standard input ends."""
    gc.freeze()  # what is imported stays: a fork that looks through it copies its memory
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            carry_out(request["environ"], request["log"])
        _, status, usage = os.wait4(child, 0)
        print(json.dumps({"exit_code": os.waitstatus_to_exitcode(status), "memory": usage.ru_maxrss}), flush=True)


if __name__ == "__main__":
    main()
