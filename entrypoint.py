#!/usr/local/bin/python -I
"""Takes the environment away, then runs the action. The runner starts this for the main step and for the post step."""

import os
import signal
import sys
from pathlib import Path

KEPT = {"PATH", "HOME", "LANG", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"}


def take_environment() -> dict[str, str]:
    """A copy of the environment, which is then empty but for KEPT: no SDK finds a key, an address or a token in it."""
    taken = dict(os.environ)
    for name in taken:
        if name.upper() not in KEPT:
            del os.environ[name]
    return taken


def note(environment: dict[str, str], file_name: str, line: str) -> None:
    """Add a line to one of the runner's files, by the variable that names it."""
    if path := environment.get(file_name):
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def note_start(environment: dict[str, str]) -> None:
    """Tell the post step that there was a main step, before the long imports: cut off there, it would not know."""
    note(environment, "GITHUB_STATE", "began=yes")


def heed_signals(environment: dict[str, str]) -> None:
    """Let SIGINT and SIGTERM end this process until the run listens to them itself: it has nothing to say yet."""

    def end(*_: object) -> None:
        note(environment, "GITHUB_STATE", "cut-off=cancelled")
        note(environment, "GITHUB_OUTPUT", "status=cancelled")
        os.write(1, b"::error::cancelled: GitHub ended the run before its work began.\n")
        os._exit(130)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


if __name__ == "__main__":
    environment = take_environment()
    heed_signals(environment)
    note_start(environment)
    sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))
    from ai_dev.main import main

    sys.exit(main(environment))
