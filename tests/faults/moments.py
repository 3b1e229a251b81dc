"""The moments of a run, each reached by something that a stand-in sees: no test waits for time to pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from standins.openai import Reply, Step, call, reply, stalled
from standins.service import Service
from tests.faults import story
from tests.faults.scene import Main, Scene

_PATIENCE = 40
Arrive = Callable[[Main], None]


@dataclass(frozen=True)
class Moment:
    """A moment: ``arrange`` sees to it that the run stays there, and gives what waits until it has come there."""

    name: str
    arrange: Callable[[Scene], Arrive]
    writes: frozenset[str] = frozenset()
    """The calls whose writes were made before it and are not committed."""


def github(scene: Scene) -> Service:
    """GitHub."""
    return scene.github


def e2b(scene: Scene) -> Service:
    """E2B."""
    return scene.e2b


def asked(
    name: str, service: Callable[[Scene], Service], method: str, path: str, skip: int = 0, *, done: bool = False,
    steps: tuple[Step, ...] = story.STORY, writes: frozenset[str] = frozenset(),
) -> Moment:  # fmt: skip
    """A request waits for its answer; ``done``: what it asked for is done then, else it never will be."""

    def arrange(scene: Scene) -> Arrive:
        scene.play(*steps)
        fault = service(scene).fail(method, path, hold=scene.released, drop=not done, skip=skip)
        return lambda _: _wait(fault.reached)

    return Moment(name, arrange, writes)


def streaming(name: str, *before: Reply, after_events: int = 4, writes: frozenset[str] = frozenset()) -> Moment:
    """The model has taken these steps, and is silent in the middle of the next one."""

    def arrange(scene: Scene) -> Arrive:
        begun = threading.Event()

        def fall_silent(_: Any) -> Step:
            begun.set()
            return stalled(scene.released, after_events=after_events)

        scene.play(*before, fall_silent)
        return lambda _: _wait(begun)

    return Moment(name, arrange, writes)


def running(name: str, pattern: str, *steps: Step, writes: frozenset[str] = frozenset()) -> Moment:
    """A command in the sandbox begins, which lasts."""

    def arrange(scene: Scene) -> Arrive:
        begun = threading.Event()
        scene.e2b.on_command(pattern, lambda _: begun.set())
        scene.play(*steps)
        return lambda _: _wait(begun)

    return Moment(name, arrange, writes)


def _importing(scene: Scene) -> Arrive:
    scene.play(*story.STORY)

    def arrive(main: Main) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not main.state.stat().st_size:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return arrive


def _wait(event: threading.Event) -> None:
    assert event.wait(_PATIENCE)


_UNCOMMITTED = frozenset({"call_fix", "call_one"})
_MORE = frozenset({"call_notes", "call_two"})
_SLEEP = call("run_command", "call_silent", command="sleep 300")
_COMMENTS = "/issues/1/comments$"
_REFS = "/git/refs$"

MOMENTS = (
    Moment("start: Python imports", _importing),
    asked("start: GitHub is asked for the permission", github, "GET", "/permission$"),
    asked("claim: asked for", github, "POST", _REFS),
    asked("claim: made, not answered", github, "POST", _REFS, done=True),
    asked("comment: asked for", github, "POST", _COMMENTS),
    asked("comment: made, not answered", github, "POST", _COMMENTS, done=True),
    asked("fetch", github, "POST", "/git-upload-pack$", 1),
    asked("sandbox: asked for", e2b, "POST", "/v2/sandboxes$"),
    asked("sandbox: made, not answered", e2b, "POST", "/v2/sandboxes$", done=True),
    asked("set-up: the pack is sent", e2b, "POST", "/files$"),
    asked("set-up: the first command", e2b, "POST", "/process.Process/Start$"),
    streaming("first request", after_events=0),
    streaming("mid-stream, nothing is committed", *story.WORK, writes=_UNCOMMITTED),
    streaming("mid-stream, all is committed", *story.SAVED),
    streaming("mid-stream, more is written", *story.MORE_WORK, writes=_MORE),
    running("a silent command", "sleep 300", *story.MORE_WORK, reply(_SLEEP), writes=_MORE),
    asked("commit: the tree is asked for", github, "POST", "/git/trees$", writes=_UNCOMMITTED),
    asked("commit: the tree is made, not answered", github, "POST", "/git/trees$", done=True, writes=_UNCOMMITTED),
    asked("commit: the commit is asked for", github, "POST", "/git/commits$", writes=_UNCOMMITTED),
    asked("commit: the commit is made, not answered", github, "POST", "/git/commits$", done=True, writes=_UNCOMMITTED),
    asked("commit: the branch is asked for", github, "POST", _REFS, 1, writes=_UNCOMMITTED),
    asked("commit: the branch is made, not answered", github, "POST", _REFS, 1, done=True),
    asked("commit: the branch is to move", github, "PATCH", "/git/refs/", writes=_MORE),
    asked("commit: the branch has moved, not answered", github, "PATCH", "/git/refs/", done=True),
    asked("pull request: asked for", github, "POST", "/pulls$"),
    asked("pull request: made, not answered", github, "POST", "/pulls$", done=True),
    asked("report: the sandbox is to end", e2b, "DELETE", "/sandboxes/"),
    asked("report: the comment is to be edited", github, "PATCH", "/issues/comments/"),
    asked("report: the comment is edited, not answered", github, "PATCH", "/issues/comments/", done=True),
)
"""All moments, in the order of a run."""


def moment(name: str) -> Moment:
    """The moment of this name."""
    return next(m for m in MOMENTS if m.name == name)
