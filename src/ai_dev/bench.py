"""Workspace -> Bench: where the model works, made anew when its sandbox dies.

What is not committed yet is copied to the runner while the model thinks: a Change, collected and checked as a commit
is. From that copy a new sandbox is filled, or, where no new one comes, the branch.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from .background import begin
from .change import Change
from .errors import SandboxFull, SandboxGone, ServiceError, ToolError
from .patch_file import restore
from .pull_request import Branch
from .redaction import one_line
from .runner import Tell, Warned
from .workspace import Workspace

_COPY_SECONDS = 60
"""Least time between two copies."""
DEATHS = 2
"""Sandboxes that are replaced in a run at the most."""
_DOUBTS = 5
"""Calls whose end is unknown though the sandbox lives, after which it is replaced all the same."""
_NAMED = 20


@dataclass(frozen=True)
class Copy:
    """What was not committed at a moment."""

    change: Change
    base: str
    """Id of the tree that it is the difference from."""
    at: str
    """When, on the clock of the day, in UTC."""


@dataclass
class Bench:
    """The sandbox in use, what was saved from it, and how another one is had."""

    workspace: Workspace
    branch: Branch
    tell: Tell
    rebuild: Callable[[], Workspace]
    """A new sandbox that holds the branch as it is on GitHub, set up. Raises AiDevError."""
    deaths: int = 0
    _doubts: int = 0
    _copy: Copy | None = None
    _copying: Future[Copy] | None = None
    _copied: float = field(default_factory=lambda: -float("inf"))

    def begin_copy(self) -> None:
        """Begin to save what is not committed, at most once a minute: when calls are done and the model thinks."""
        if monotonic() - self._copied >= _COPY_SECONDS:
            self._copied = monotonic()
            self._copying = begin(self._take_copy)

    def end_copy(self) -> None:
        """Wait until it is saved; called before anything asks the sandbox again."""
        copying, self._copying = self._copying, None
        if copying and copying.exception() is None:
            self._copy = copying.result()

    def _take_copy(self) -> Copy:
        workspace, branch = self.workspace, self.branch
        at = f"{datetime.now(UTC):%H:%M:%S}"
        return Copy(Change.salvage(workspace, branch.tree, branch.policy), branch.tree, at)

    def save(self) -> tuple[Change, str]:
        """What is not committed, as far as it may be kept, and in words what of it is not. Raises ToolError, Blocked.

        Where the sandbox is gone that is the copy.
        """
        self.end_copy()
        try:
            change = self._collect()
        except ServiceError as e:
            copy = self._usable_copy
            if copy is None:
                return Change((), self.branch.tree, ()), f"{_describe(e)} What was not committed is lost."
            lost = f"{_describe(e)} What was changed after {copy.at} UTC and not committed is lost."
            return copy.change, "\n".join([lost, *copy.change.left_out])
        return change, "\n".join(change.left_out)

    def _collect(self) -> Change:
        """What is not committed, asked for again when the sandbox lives though it did not answer."""
        try:
            return Change.salvage(self.workspace, self.branch.tree, self.branch.policy)
        except ServiceError as e:
            if isinstance(e, SandboxFull) or not self.workspace.is_alive():
                raise
            return Change.salvage(self.workspace, self.branch.tree, self.branch.policy)

    def recover(self, error: ServiceError) -> str:
        """Go on after a call that the sandbox did not end: in the same one if it lives, else in a new one.

        Gives what the model must know. Raises SandboxGone when that was one too many, AiDevError when none can be had.
        A disk that is full when no more sandboxes are replaced is left to the model.
        """
        if not isinstance(error, SandboxFull) and self._doubts < _DOUBTS and self.workspace.is_alive():
            self._doubts += 1
            return f"{_describe(error)} The sandbox is still there. Look what came of this call before you repeat it."
        if isinstance(error, SandboxFull) and self.deaths >= DEATHS:
            return f"{_describe(error)} Remove what is not needed."
        return self._replace(error)

    def _replace(self, error: ServiceError) -> str:
        while True:
            if self.deaths >= DEATHS:
                raise error
            self.deaths += 1
            self.tell(Warned(f"{_describe(error)} A new one is started ({self.deaths} of {DEATHS})."))
            try:
                workspace = self.rebuild()
                told = self._restore(workspace)
            except SandboxGone as e:
                error = e
            else:
                break
        self.workspace = workspace  # only now: one without the copy would be taken for one in which nothing was done
        self._doubts = 0
        self.tell(Warned(told))
        return (
            f"{_describe(error)} Whether this call did what it should is unknown. You have a new sandbox, with the "
            f"repository as it was committed last ({self.branch.head[:12]}). {told} Everything else in the old sandbox "
            "is gone: processes, installed packages, files outside the repository and files that git ignores."
        )

    def _restore(self, workspace: Workspace) -> str:
        """Put the copy into the new workspace; say what is back and what is not."""
        copy = self._usable_copy
        if copy is None:
            return "What was not committed is lost."
        try:
            restore(workspace, copy.change)
        except ToolError as e:
            return f"What was not committed is lost: it could not be put back. {e}"
        names = [one_line(file.path, 100) for file in copy.change.files]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        listed = f" ({', '.join(names[:_NAMED])}{more})" if names else ""
        back = f"What was not committed is as it was at {copy.at} UTC{listed}; what was changed after that is lost."
        return " ".join([back, *copy.change.left_out])

    @property
    def _usable_copy(self) -> Copy | None:
        """The copy, if nothing was committed since it was taken."""
        return self._copy if self._copy and self._copy.base == self.branch.tree else None


def _describe(error: ServiceError) -> str:
    """What happened, in words of ours alone: the model reads them, and a service may echo a key in its own."""
    ours = error.failure.detail if isinstance(error, SandboxGone) else error.what
    return f"The sandbox failed: {one_line(ours, 300).rstrip('.')}."
