"""What this process writes, connects to and starts, noted in a file.

As a program, ``python -I tests/audit.py FILE``, it is the action's entry point that is looked at.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import threading
from pathlib import Path
from typing import Any

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


if __name__ == "__main__":
    watch(sys.argv[1])
    runpy.run_path(str(Path(__file__).resolve().parent.parent / "entrypoint.py"), run_name="__main__")
