"""A process that has imported the action once; every run that a test asks for is a fork of it.

Importing the SDKs costs half a second of CPU, a fork a few milliseconds. Requests are lines of JSON on standard input
(``environ`` and ``log``), answers lines on standard output (``exit_code`` and ``memory`` in KiB).
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

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
from tests.audit import watch  # noqa: E402


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
