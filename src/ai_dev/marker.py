"""The hidden line on top of our status comment: what a later run, or another attempt of this one, has to know.

People with write access can edit it, so all of it is checked where it is used.
"""

from __future__ import annotations

import re
import time
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .answers import Account, Comment

WORKING = "working"
"""The status of a run that has not ended."""
_PATTERN = re.compile(r"<!-- ai-dev (\{.{0,8000}?\}) -->")
_LONGEST = 25 * 3600
"""Seconds that no run outlives: a claim for longer is none of ours."""
_KEYS = 40
"""Events that are remembered."""


class Marker(BaseModel):
    """What our status comment says to programs."""

    model_config = ConfigDict(frozen=True)

    key: str = ""
    """The event of the run: the comment's id, else the run's."""
    status: str = ""
    """How the run ended, or WORKING."""
    branch: str | None = None
    sha: str | None = None
    """The last commit of ours on the branch; None while there is none."""
    run: str = ""
    """The run's id; its attempts share it."""
    claim: Annotated[str, Field(pattern="^([0-9a-f]{40})?$")] = ""
    """The last claim on the issue, as in claim.py."""
    until: int | None = None
    """While the run is at work: the time behind which it surely is not, in seconds since 1970."""
    done: tuple[str, ...] = ()
    """The events whose runs ended well, the newest last."""

    @classmethod
    def read(cls, body: str | None) -> Self | None:
        """The marker that a comment begins with; None where it does not, for others may quote one."""
        found = _PATTERN.match(body or "")
        try:
            return cls.model_validate_json(found[1]) if found else None
        except (ValidationError, RecursionError):
            return None

    def write(self) -> str:
        """The line for the comment."""
        return f"<!-- ai-dev {self.model_dump_json(exclude_defaults=True).replace('--', '-' + chr(92) + 'u002d')} -->"

    def is_live(self) -> bool:
        """Whether the run may still be at work."""
        now = time.time()
        return self.until is not None and now < self.until < now + _LONGEST

    def finish(self) -> tuple[str, ...]:
        """The events that are done when this one is done too."""
        return (*(key for key in self.done if key != self.key), self.key)[-_KEYS:]


def strip_marker(body: str) -> str:
    """A comment of ours without its marker."""
    found = _PATTERN.match(body)
    return body[found.end() :] if found else body


def find_ours(comments: list[Comment], us: Account) -> Comment | None:
    """Our status comment: the marker is there and we wrote it. Of two the first counts."""
    return next((c for c in comments if is_ours(c, us)), None)


def is_ours(comment: Comment, us: Account) -> bool:
    """Whether this is a status comment of ours."""
    return bool(comment.user and comment.user.id == us.id and Marker.read(comment.body) is not None)
