"""What every tool is, and what it may touch."""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from ..bench import Bench
from ..budget import Budget
from ..errors import ToolError
from ..pull_request import Branch
from ..redaction import one_line
from ..runner import Tell
from ..workspace import REPOSITORY, Workspace


@dataclass(frozen=True)
class Desk:
    """What a tool may touch."""

    bench: Bench
    branch: Branch
    tell: Tell
    budget: Budget

    @property
    def workspace(self) -> Workspace:
        """The sandbox in use."""
        return self.bench.workspace


class Tool(BaseModel, ABC):
    """One call of a tool; its fields are the arguments. The model reads the docstring and the fields' descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def brief(self) -> str:
        """The arguments in short, for the log."""
        return one_line(", ".join(str(value) for value in self.model_dump().values() if value is not None), 120)

    @abstractmethod
    def run(self, desk: Desk) -> str:
        """Do it; give the answer for the model. Raises ToolError when it cannot be done."""


def locate(path: str) -> str:
    """The absolute path in the sandbox of one given from the repository's root (or absolute)."""
    if not path.strip() or "\0" in path:
        raise ToolError("The path is empty or has a NUL character.")
    return posixpath.normpath(posixpath.join(REPOSITORY, path))


def locate_for_writing(path: str) -> str:
    """Like ``locate``, for a file or folder that is to be changed: in the repository, outside its .git, or in /tmp."""
    place = locate(path)
    if place.startswith("/tmp/"):  # noqa: S108 - the sandbox's
        return place
    if not place.startswith(f"{REPOSITORY}/"):
        raise ToolError(f"{path} is outside the repository ({REPOSITORY}).")
    if place.startswith(f"{REPOSITORY}/.git/") or place == f"{REPOSITORY}/.git":
        raise ToolError("The .git folder is git's own: use git commands.")
    return place
