"""The stage that tests act on, and the worker whose forks are the action."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from standins.e2b import E2B
from standins.git import make_repository
from standins.runner import Job, Launch, Result
from standins.stage import E2B_KEY, Stage
from tests.forks import forking
from tests.projects import CALCULATOR

MEMORY = Path("/dev/shm")
"""A file system in memory: most of what a disk costs a test is looking for room for files that are soon deleted."""


def pytest_configure() -> None:
    """Let temporary files be in memory, where that is large enough and may hold programs."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        room = os.statvfs(MEMORY)
        if room.f_bavail * room.f_frsize >= 2 << 30 and not room.f_flag & os.ST_NOEXEC:
            tempfile.tempdir = str(MEMORY)


def pytest_collection_finish() -> None:
    """Spare the tests the search for garbage among what was imported and collected."""
    gc.freeze()


@pytest.fixture(scope="session")
def launch() -> Iterator[Launch]:
    """Runs the action as a fork of a process that has imported it."""
    with forking() as run:
        yield run


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short path for sockets and repositories."""
    path = Path(tempfile.mkdtemp(prefix="ai-dev-test-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def sandboxes(directory: Path) -> Iterator[E2B]:
    """E2B alone, for tests that need but a sandbox."""
    with E2B(directory / "e2b", keys=[E2B_KEY]) as service:
        if service.isolation != "namespaces":
            pytest.skip("this machine gives ordinary users no namespaces, which the E2B stand-in needs for its paths")
        yield service


@pytest.fixture
def set_stage(directory: Path) -> Iterator[Callable[..., Stage]]:
    """Opens a stage on which the repository holds these files; at the end every rule of the services was kept.

    A test that breaks rules on purpose empties the services' ``problems`` itself.
    """
    opened: list[Stage] = []

    def open_stage(files: Mapping[str, str | bytes] = CALCULATOR, **options: object) -> Stage:
        folder = directory / f"stage-{len(opened)}"
        source = make_repository(folder / "source", files) if files else None
        stage = Stage(folder, source=source, **options)  # type: ignore[arg-type]
        if stage.e2b.isolation != "namespaces":
            pytest.skip("this machine gives ordinary users no namespaces, which the E2B stand-in needs for its paths")
        stage.__enter__()
        opened.append(stage)
        return stage

    yield open_stage
    for stage in opened:
        stage.__exit__(None, None, None)
        assert stage.problems == []
        if stage.repository.git("for-each-ref"):
            stage.repository.git("fsck", "--strict")


@pytest.fixture
def stage(set_stage: Callable[..., Stage]) -> Stage:
    """A stage with the calculator, whose ``add`` subtracts, and issue 1 about it."""
    opened = set_stage()
    opened.repository.add_issue("add() subtracts", "`add(1, 2)` gives -1.", user="octo")
    return opened


@pytest.fixture
def act(launch: Launch) -> Callable[[Job], Result]:
    """Runs the next step of a job in a fork; afterwards no sandbox of an ended run is alive."""

    def run(job: Job) -> Result:
        return job.run(launch)

    return run
