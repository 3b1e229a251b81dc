"""What attacks have in common: checks of an outcome, and short forms for what a scripted model does."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from standins.openai import call
from standins.runner import Job
from tests.hostile.canaries import find
from tests.hostile.scene import Outcome, Scene
from tests.projects import FIX

PATCH = call("apply_patch", patch=FIX)
"""The calculator's bug is mended: a change to deliver."""


def sh(command: str, **options: Any) -> dict[str, Any]:
    """A call of run_command."""
    return call("run_command", command=command, **options)


def commit(message: str = "Make add() add") -> dict[str, Any]:
    """A call of commit."""
    return call("commit", message=message)


def calls(*wanted: dict[str, Any], last: str = "Done.") -> Callable[[Scene], Job]:
    """The owner labels issue 1; the model makes these calls in one reply and ends."""

    def act(scene: Scene) -> Job:
        scene.use(*wanted, last=last)
        return scene.label(1)

    return act


def bomb(mebibytes: int, head: bytes = b"") -> bytes:
    """A gzip without end that becomes ``head`` and so many MiB of blanks; one of them is packed, and repeated."""
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + (packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * mebibytes


def untouched(outcome: Outcome) -> None:
    """Nothing was written to GitHub, the model was not asked, no sandbox was made."""
    assert [] == [f"{sent.method} {sent.path}" for sent in outcome.writes]
    assert [] == outcome.scene.openai.journal
    assert {} == outcome.scene.e2b.sandboxes


def nothing_pushed(outcome: Outcome) -> None:
    """No branch is new and none has moved."""
    heads = {ref: sha for ref, sha in outcome.refs_now().items() if ref.startswith("refs/heads/")}
    assert {ref: sha for ref, sha in outcome.refs.items() if ref.startswith("refs/heads/")} == heads


def told(*parts: str) -> Callable[[Outcome], None]:
    """The tools' answers have these parts, and no secret."""

    def check(outcome: Outcome) -> None:
        assert [] == [part for part in parts if part not in outcome.told], outcome.told
        assert [] == list(find(outcome.told))

    return check


def said(*parts: str) -> Callable[[Outcome], None]:
    """The summary has these parts."""

    def check(outcome: Outcome) -> None:
        assert [] == [part for part in parts if part not in outcome.main.summary], outcome.main.summary

    return check


def refused(*parts: str) -> Callable[[Outcome], None]:
    """The model was told these parts, and nothing was pushed."""

    def check(outcome: Outcome) -> None:
        told(*parts)(outcome)
        nothing_pushed(outcome)

    return check
