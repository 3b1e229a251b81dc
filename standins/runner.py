"""The Actions runner on this machine: files and variables as it gives them, and what a step leaves in them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

ENTRYPOINT = Path(__file__).resolve().parent.parent / "entrypoint.py"
Launch = Callable[[Mapping[str, str], Path], tuple[int, int]]
"""Runs the action with these variables, its output going to this file; gives exit code and peak memory in KiB."""


@dataclass(frozen=True)
class Result:
    """What a step left behind."""

    exit_code: int
    log: str
    outputs: Mapping[str, str]
    summary: str
    state: Mapping[str, str]
    seconds: float
    peak_memory: int
    """KiB; of the process alone where it was a process of its own."""


@dataclass
class Job:
    """A job on a runner: each step of the action runs in it with the same event and inputs."""

    directory: Path
    event_name: str
    event: Mapping[str, Any] | str
    """The payload; a string is written to the event file as it is."""
    inputs: Mapping[str, str]
    variables: Mapping[str, str]
    """GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_SERVER_URL, and what a case wants to be different."""
    state: dict[str, str] = field(default_factory=dict)
    steps: int = 0

    def environ(self) -> dict[str, str]:
        """The variables of the next step."""
        folder = self.directory / f"step-{self.steps}"
        folder.mkdir(parents=True, exist_ok=True)
        event = folder / "event.json"
        event.write_text(self.event if isinstance(self.event, str) else json.dumps(self.event), encoding="utf-8")
        files = {}
        for name in ("OUTPUT", "STEP_SUMMARY", "STATE", "ENV", "PATH"):
            files[f"GITHUB_{name}"] = str(folder / name.lower())
            (folder / name.lower()).touch()
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(folder),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.event_name,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_RUN_ID": "9001",
            "GITHUB_RUN_ATTEMPT": "1",
            "ACTIONS_RUNTIME_TOKEN": "runtime-token-of-the-runner",
            "RUNNER_TEMP": str(folder),
            **files,
            **{"INPUT_" + name.upper(): value for name, value in self.inputs.items()},
            **{f"STATE_{name}": value for name, value in self.state.items()},
            **self.variables,
        }

    def run(self, launch: Launch | None = None) -> Result:
        """Run the main step; called again, the post step."""
        environ = self.environ()
        log = Path(environ["GITHUB_STATE"]).parent / "log"
        began = time.monotonic()
        exit_code, memory = (launch or start_process)(environ, log)
        return self.collect(exit_code, log, time.monotonic() - began, memory)

    def collect(self, exit_code: int, log: Path, seconds: float = 0.0, memory: int = 0) -> Result:
        """What the step left in the runner's files."""
        folder = log.parent
        self.steps += 1
        state = read_values(folder / "state")
        self.state.update(state)
        return Result(
            exit_code,
            log.read_text(encoding="utf-8", errors="replace"),
            read_values(folder / "output"),
            (folder / "step_summary").read_text(encoding="utf-8"),
            state,
            seconds,
            memory,
        )


def read_values(file: Path) -> dict[str, str]:
    """The values in a file of the runner's: ``name=value`` lines and ``name<<end`` blocks; a later one wins."""
    values: dict[str, str] = {}
    lines = iter(file.read_text(encoding="utf-8").split("\n"))
    for line in lines:
        if block := re.fullmatch(r"([^=<]+)<<(.+)", line):
            text = []
            for inner in lines:
                if inner == block[2]:
                    break
                text.append(inner)
            values[block[1]] = "\n".join(text)
        elif "=" in line:
            name, _, values[name] = line.partition("=")
    return values


def start_process(environ: Mapping[str, str], log: Path) -> tuple[int, int]:
    """Run ``python entrypoint.py`` as a process of its own."""
    with log.open("wb") as file:
        process = spawn(environ, file)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss


def spawn(
    environ: Mapping[str, str], output: IO[bytes] | int, program: Sequence[str] = (str(ENTRYPOINT),)
) -> subprocess.Popen[bytes]:
    """Start the action as the runner does; ``output`` is a file or ``subprocess.PIPE``.

    ``program`` is a script with its arguments that runs the entry point, to look at what it does.
    """
    return subprocess.Popen(
        [sys.executable, "-I", *program],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
