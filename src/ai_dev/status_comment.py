"""Events -> the one comment on the issue."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from .answers import Comment
from .errors import ServiceError, Status
from .marker import WORKING, Marker
from .pull_request import Branch
from .redaction import Redactor, inert, one_line
from .repository import Repository
from .runner import Asked, Event, Planned, Runner, Tell, Warned

_EDIT_SECONDS = 30
"""Least time between two edits while the run works."""
_SCARCE = 10
"""Times longer that is when requests are scarce."""
_DONE = {Status.OPENED, Status.UPDATED, Status.ANSWERED, Status.UNCHANGED, Status.BRANCH}
"""Endings behind which the same event has nothing more to ask for."""
_TASKS = {"pending": "- [ ]", "in_progress": "- [ ] ▷", "completed": "- [x]"}


@dataclass
class StatusComment:
    """The one comment of ours on the issue: edited while the run works, and once more (or anew) when it ends."""

    repository: Repository
    runner: Runner
    redactor: Redactor
    number: int
    marker: Marker
    """What it says to programs; from the start of the work it names the branch that is to be."""
    tell: Tell
    comment: int | None = None
    """The comment's id, once it is there; before the work begins that of an earlier run, if one is."""
    notified: bool = False
    """Whether a comment has told already that the run ended."""
    _plan: tuple[tuple[str, str], ...] = ()
    _turn: int = 0
    _edited: float = 0.0
    _quiet: bool = False
    _ended: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)
    """A run may end while another thread says that it works: the ending waits, and has the last word."""

    def begin(self, marker: Marker) -> None:
        """Say that the work begins: in the comment of an earlier run, or in a new one where that is gone."""
        with self._lock:
            self.marker = marker
            body = self._working(None)
            if self._ended:
                return
            try:
                if not (self.comment and self._replace(body)):
                    mark = self._mark(WORKING, None, self.marker.until)
                    self._keep(self.repository.post_comment(self.number, body, mark))
            except ServiceError as e:
                self._warn(e)
            self._edited = time.monotonic()

    def note(self, event: Event, branch: Branch | None) -> None:
        """Keep what the comment shows; edit it, at most every half minute."""
        if isinstance(event, Planned):
            self._plan = event.steps
        elif isinstance(event, Asked):
            self._turn = event.turn
        else:
            return
        pause = _EDIT_SECONDS * (_SCARCE if self.repository.scarce else 1)
        if self.comment and not self._quiet and time.monotonic() - self._edited >= pause:
            self._edited = time.monotonic()
            self._edit(self._working(branch))

    def end(self, status: Status, text: str, branch: Branch | None, *, until: int | None = None) -> None:
        """Say how it ended. A new pull request notifies by itself; else a new comment takes the place of the old.

        A run that may not write any more makes the comment that is there true, and posts none. One that is cancelled
        has no time for more: the post step has the last word, and ``until`` that (at the latest) the issue is taken.
        """
        mark = self._mark(status, branch, until)
        body = f"{mark}\n{text}"
        with self._lock:
            self._ended = True
            try:
                if self.comment and (status in (Status.OPENED, Status.REFUSED, Status.CANCELLED) or self.notified):
                    if self._replace(body) or status is Status.REFUSED:
                        return
                    self.comment = None
                if status is Status.REFUSED:
                    return
                old = self.comment
                self._keep(self.repository.post_comment(self.number, body, mark))
                if old:
                    self.repository.delete_comment(old)
            except ServiceError as e:
                self._warn(e)

    def _replace(self, body: str) -> bool:
        """Give the comment this text; False when somebody has deleted it."""
        try:
            self._keep(self.repository.edit_comment(self.comment or 0, body))
        except ServiceError as e:
            if e.failure.status != 404:
                raise
            return False
        return True

    def _edit(self, body: str) -> None:
        with self._lock:
            if self._ended or not self.comment:
                return
            try:
                self.repository.edit_comment(self.comment, body)
            except ServiceError as e:
                self._quiet = e.failure.status in (403, 404, 429)
                self._warn(e)

    def _keep(self, comment: Comment) -> None:
        self.comment = comment.id
        self.runner.save_state(comment=comment.id, marker=self.marker.write())

    def _warn(self, error: ServiceError) -> None:
        self.tell(Warned(f"The status comment is not up to date: {error}"))

    def _working(self, branch: Branch | None) -> str:
        head = f"**AI Dev is at work on this.** [Log of the run]({self.runner.run_url})"
        lines = [self._mark(WORKING, branch, self.marker.until), head]
        if self._turn:
            lines += ["", f"Turn {self._turn}" + (f", commits pushed: {len(branch.commits)}" if branch else "")]
        steps = [f"{_TASKS[status]} {inert(one_line(self.redactor.clean(step), 200))}" for step, status in self._plan]
        return self.redactor.hide("\n".join([*lines, "", *steps]).rstrip())

    def _mark(self, status: str, branch: Branch | None, until: int | None) -> str:
        """The marker for a comment that says so; the branch that was named before is not forgotten."""
        marker = self.marker
        now: dict[str, object] = {"status": status, "until": until}
        if branch and branch.exists:
            now |= {"branch": branch.name, "sha": branch.head}
        if status in _DONE:
            now |= {"done": marker.finish()}
        return marker.model_copy(update=now).write()
