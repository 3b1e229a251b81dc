"""What a run costs in time, memory and requests, measured and printed: ``python -m tests.figures``."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from standins.git import make_repository
from standins.runner import ENTRYPOINT
from standins.stage import Stage
from tests.projects import CALCULATOR, fix_script

RUNS = 3
PACK = 100 << 20
"""Bytes of the large repository's pack."""
TIME_LIMIT = 120
"""Seconds that a run may take."""

_BETWEEN = """
import os, sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
os.write(int(sys.argv[1]), b"%d %d" % (os.waitstatus_to_exitcode(status), usage.ru_maxrss))
"""


@dataclass(frozen=True)
class Figures:
    """What one run cost."""

    status: str
    first_request: float
    """Seconds from the start of the process to the first request that the model gets."""
    seconds: float
    requests: int
    """To GitHub's API."""
    memory: float
    """Peak of the process, in MB."""


def launch(environ: Mapping[str, str], log: Path) -> tuple[int, int]:
    """Run the entry point as a process; give its exit code and its own peak memory in KiB.

    The peak that the system tells of a process counts what its parent had when it began, so a small one stands between.
    """
    read, write = os.pipe()
    action = [sys.executable, "-I", str(ENTRYPOINT)]
    with log.open("wb") as file, os.fdopen(read) as answer:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BETWEEN, str(write), *action],
            env=dict(environ),
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        os.close(write)
        process.wait(TIME_LIMIT)
        exit_code, memory = answer.read().split()
    return int(exit_code), int(memory)


def measure(folder: Path, files: Mapping[str, str | bytes]) -> Figures:
    """The main job on a repository of these files, all services at zero delay."""
    with Stage(folder / "stage", source=make_repository(folder / "source", files)) as stage:
        stage.repository.add_issue("add() subtracts", "`add(1, 2)` gives -1.", user="octo")
        stage.openai.play(*fix_script())
        began = time.monotonic()
        result = stage.label(1).run(launch)
        api = [sent for sent in stage.github.journal if ".git/" not in sent.path]
        first = stage.openai.journal[0].at - began if stage.openai.journal else float("inf")
        return Figures(
            result.outputs.get("status", "none"), first, result.seconds, len(api), result.peak_memory * 1024 / 1e6
        )


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        plain = [measure(Path(folder) / str(i), CALCULATOR) for i in range(RUNS)]
        large = measure(Path(folder) / "large", {**CALCULATOR, "large.bin": os.urandom(PACK)})
    first = statistics.median(run.first_request for run in plain)
    seconds = statistics.median(run.seconds for run in plain)
    memory = max(run.memory for run in plain)
    print(f"endings                             {', '.join(run.status for run in [*plain, large])}")
    print(f"process start → first model request {first:8.2f} s   (at most 1.5)")
    print(f"whole run                           {seconds:8.2f} s   (at most 5)")
    print(f"requests to GitHub's API            {max(run.requests for run in plain):8d}     (at most 14)")
    print(f"peak memory                         {memory:8.0f} MB  (at most 130)")
    print(f"more with a pack of {PACK >> 20} MiB         {large.memory - memory:+8.0f} MB  (at most +20)")
    print(f"whole run with it                   {large.seconds:8.2f} s")


if __name__ == "__main__":
    main()
