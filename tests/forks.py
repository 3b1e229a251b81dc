"""Main and post steps as forks of a process that has imported the action: a worker, asked over its standard input."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from standins.runner import Launch

_WORKER = Path(__file__).with_name("worker.py")


@contextlib.contextmanager
def forking() -> Iterator[Launch]:
    """Runs the action as a fork of a worker, one at a time."""
    worker = subprocess.Popen(
        [sys.executable, str(_WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert worker.stdin and worker.stdout
    stdin, stdout, lock = worker.stdin, worker.stdout, threading.Lock()

    def run(environ: Mapping[str, str], log: Path) -> tuple[int, int]:
        with lock:
            stdin.write(json.dumps({"environ": dict(environ), "log": str(log)}) + "\n")
            stdin.flush()
            answer = json.loads(stdout.readline())
        return answer["exit_code"], answer["memory"]

    try:
        yield run
    finally:
        stdin.close()
        worker.wait(10)
