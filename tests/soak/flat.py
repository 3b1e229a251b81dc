"""Main steps one after another in this process: what each leaves open in it.

Requests are lines of JSON on standard input (``environ`` and ``log``), answers lines on standard output: the exit code,
what is open, and the resident memory in KiB.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import threading
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import ai_dev.main  # noqa: E402


def list_open() -> list[str]:
    """What this process has open: files and pipes by name, connections by the port that they lead to."""
    ports = dict(_list_connections())
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        try:
            name = str(fd.readlink())
        except OSError:  # it was that of the listing
            continue
        found.append(ports.get(name) or re.sub(r"\[\d+\]", "", name))
    return sorted(found)


def _list_connections() -> list[tuple[str, str]]:
    lines = Path("/proc/self/net/tcp").read_text("ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    return [(f"socket:[{field[9]}]", f"connection to port {int(field[2].rpartition(':')[2], 16)}") for field in fields]


def list_threads() -> list[str]:
    """The threads of Python's, each with where it is, and the number of all that the system knows."""
    frames = sys._current_frames()
    told = []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        where = traceback.extract_stack(frame)[-3:] if frame else []
        told.append(" > ".join([thread.name, *(f"{Path(place.filename).name}:{place.name}" for place in where)]))
    return sorted(told)


def measure() -> dict[str, object]:
    """What is open now, and how much memory is resident."""
    gc.collect()
    status = Path("/proc/self/status").read_text("ascii")
    return {
        "open": list_open(),
        "threads": list_threads(),
        "tasks": int(re.findall(r"Threads:\s+(\d+)", status)[0]),
        "memory": int(re.findall(r"VmRSS:\s+(\d+)", status)[0]),
    }


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        before = os.dup(1)
        file = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, 1)
        os.close(file)
        exit_code = ai_dev.main.main(request["environ"])
        os.dup2(before, 1)
        os.close(before)
        print(json.dumps({"exit_code": exit_code, **measure()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
