"""What was told -> log, status comment, summary and outputs: the only ways in which a run speaks to people."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from time import monotonic

from .budget import Budget
from .errors import AiDevError, ServiceError, Status
from .pull_request import Branch
from .redaction import Redactor, cut_middle, inert, log_lines, one_line, plain
from .repository import Comment, Repository
from .runner import (
    Answered,
    Asked,
    Called,
    Event,
    Note,
    Planned,
    Printed,
    Runner,
    Said,
    Step,
    Tell,
    Warned,
    command,
    print_line,
)
from .task import WORKING, read_marker, write_marker

_EDIT_SECONDS = 30
_COMMENT = 60_000
_OUTPUT = 60_000
_LOG_LINES = 20_000


@dataclass(frozen=True)
class Ending:
    """How a run ended: what every report of it is made from."""

    status: Status
    text: str = ""
    """The model's last words."""
    what: str = ""
    why: str = ""
    cure: str = ""
    kept: str = ""
    """Why something of the work could not be delivered."""
    link: str = ""
    """A page on which a person can go on."""

    @classmethod
    def of(cls, error: AiDevError, kept: str = "") -> Ending:
        """The ending that an error makes."""
        return cls(error.status, what=error.what, why=error.why, cure=error.cure, kept=kept)


@dataclass
class Log:
    """The log of the run: one group for each step, every foreign line prefixed so that it is no workflow command."""

    redactor: Redactor
    _open: bool = False
    _partial: str = ""
    _lines: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        """Print an event."""
        with self._lock:
            if not isinstance(event, Printed):
                self._flush()
            match event:
                case Step(title):
                    self._ours(("::endgroup::\n" if self._open else "") + command("group", title))
                    self._open = True
                case Note(text):
                    self._ours(one_line(self.redactor.hide(plain(text)), 500))
                case Warned(text):
                    self._ours(command("warning", one_line(self.redactor.hide(plain(text)), 1000)))
                case Asked(turn):
                    self._ours(f"── turn {turn}")
                case Called(tool, brief):
                    self._foreign(f"{tool}: {brief}", "▶ ")
                case Answered(brief):
                    self._foreign(brief, "◀ ")
                case Said(text):
                    self._foreign(text, "")
                case Printed(text):
                    self._stream(text)
                case Planned(steps):
                    self._foreign("\n".join(f"{_BOXES[status]} {step}" for step, status in steps), "")

    def close(self, text: str, level: str) -> None:
        """Print how the run ended: as an ``error``, a ``warning`` or a ``notice``."""
        with self._lock:
            self._flush()
            if self._open:
                self._ours("::endgroup::")
            self._ours(command(level, cut_middle(self.redactor.hide(plain(text)), 4000)))

    def show(self, text: str) -> None:
        """Print foreign text."""
        with self._lock:
            self._foreign(text, "")

    def _ours(self, line: str) -> None:
        print_line(line)

    def _foreign(self, text: str, mark: str) -> None:
        lines = log_lines(mark + self.redactor.hide(plain(text)))
        for line in lines[: max(0, _LOG_LINES - self._lines)]:
            print_line(line)
        if self._lines < _LOG_LINES <= self._lines + len(lines):
            print_line("│ [… the log has enough lines; the run goes on …]")
        self._lines += len(lines)

    def _stream(self, text: str) -> None:
        """Print whole lines; a secret that two chunks share is whole in none of them, so a line waits for its end."""
        whole, newline, self._partial = (self._partial + text).rpartition("\n")
        if newline:
            self._foreign(whole, "")
        elif len(self._partial) > _COMMENT:
            self._flush()

    def _flush(self) -> None:
        partial, self._partial = self._partial, ""
        if partial:
            self._foreign(partial, "")


_BOXES = {"pending": "☐", "in_progress": "▷", "completed": "☑"}
_TASKS = {"pending": "- [ ]", "in_progress": "- [ ] ▷", "completed": "- [x]"}


@dataclass
class StatusComment:
    """The one comment of ours on the issue: edited while the run works, and once more (or anew) when it ends."""

    repository: Repository
    runner: Runner
    redactor: Redactor
    number: int
    key: str
    tell: Tell
    comment: int | None = None
    """The comment's id, once it is there."""
    notified: bool = False
    """Whether a comment has told already that the run ended."""
    _earlier: str | None = None
    """The branch that the comment named before: not to be forgotten when this run ends before it has one."""
    _plan: tuple[tuple[str, str], ...] = ()
    _turn: int = 0
    _edited: float = 0.0
    _quiet: bool = False
    _ended: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)
    """A run may end while another thread says that it works: the ending waits, and has the last word."""

    def begin(self, earlier: Comment | None) -> None:
        """Say that the work begins: in the comment of an earlier run, or in a new one."""
        if earlier:
            self._earlier = (read_marker(earlier.body) or {}).get("branch")
        body = self._working(None)
        with self._lock:
            if self._ended:
                return
            try:
                if earlier:
                    self._keep(self.repository.edit_comment(earlier.id, body))
                else:
                    self._keep(self.repository.post_comment(self.number, body, self._marker(WORKING, None)))
            except ServiceError as e:
                self._warn(e)
            self._edited = monotonic()

    def note(self, event: Event, branch: Branch | None) -> None:
        """Keep what the comment shows; edit it, at most every half minute."""
        if isinstance(event, Planned):
            self._plan = event.steps
        elif isinstance(event, Asked):
            self._turn = event.turn
        else:
            return
        if self.comment and not self._quiet and monotonic() - self._edited >= _EDIT_SECONDS:
            self._edited = monotonic()
            self._edit(self._working(branch))

    def end(self, ending: Ending, text: str, branch: Branch | None) -> None:
        """Say how it ended. A new pull request notifies by itself; else a new comment takes the place of the old."""
        body = self._marker(ending.status, branch) + "\n" + text
        with self._lock:
            self._ended = True
            try:
                if self.comment and (ending.status is Status.OPENED or self.notified):
                    self.repository.edit_comment(self.comment, body)
                    return
                old = self.comment
                self._keep(self.repository.post_comment(self.number, body, self._marker(ending.status, branch)))
                if old:
                    self.repository.delete_comment(old)
            except ServiceError as e:
                self._warn(e)

    def _edit(self, body: str) -> None:
        with self._lock:
            if self._ended or not self.comment:
                return
            try:
                self.repository.edit_comment(self.comment, body)
            except ServiceError as e:
                self._quiet = e.failure.status in (403, 429)
                self._warn(e)

    def _keep(self, comment: Comment) -> None:
        self.comment = comment.id
        self.runner.save_state(comment=comment.id)

    def _warn(self, error: ServiceError) -> None:
        self.tell(Warned(f"The status comment is not up to date: {error}"))

    def _working(self, branch: Branch | None) -> str:
        head = f"**AI Dev is at work on this.** [Log of the run]({self.runner.run_url})"
        lines = [self._marker(WORKING, branch), head]
        if self._turn:
            lines += ["", f"Turn {self._turn}" + (f", {len(branch.commits)} commits pushed" if branch else "")]
        steps = [f"{_TASKS[status]} {inert(one_line(step, 200))}" for step, status in self._plan]
        return self.redactor.hide("\n".join([*lines, "", *steps]).rstrip())

    def _marker(self, status: str, branch: Branch | None) -> str:
        name, sha = (branch.name, branch.head) if branch and branch.exists else (self._earlier, None)
        return write_marker(key=self.key, status=status, branch=name, sha=sha)


@dataclass
class Report:
    """Listens to a run and tells people about it. Closed once: by the run's end, or by a signal before it."""

    runner: Runner
    redactor: Redactor
    log: Log
    budget: Budget
    go_on: str = ""
    """The comment that starts the next run on the same work."""
    status: StatusComment | None = None
    branch: Branch | None = None
    extra: str = ""
    """More for the summary, in Markdown."""
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, event: Event) -> None:
        """Hear an event."""
        self.log(event)
        if self.status:
            self.status.note(event, self.branch)

    def close(self, ending: Ending) -> Status:
        """Say everywhere how it ended. Only the first call counts."""
        with self._lock:
            if self._closed:
                return ending.status
            self._closed = True
        text = self.redactor.hide(self._describe(ending))
        if self.status and ending.status not in (Status.SKIPPED, Status.REFUSED):
            self.status.end(ending, cut_middle(text, _COMMENT), self.branch)
        self._set_outputs(ending)
        self.runner.write_summary(f"## AI Dev: {ending.status}\n\n{text}\n\n{self.redactor.hide(self.extra)}")
        level = "warning" if ending.status is Status.BRANCH else "error" if ending.status.exit_code else "notice"
        self.log.close(self._sentence(ending), level)
        return ending.status

    def _set_outputs(self, ending: Ending) -> None:
        branch, used = self.branch, self.budget.usage
        pull = branch.pull if branch else None
        self.runner.set_outputs(
            {
                "status": ending.status,
                "pull-request-number": pull.number if pull else "",
                "pull-request-url": pull.html_url if pull else "",
                "branch": branch.name if branch and branch.exists else "",
                "commit-sha": branch.head if branch and branch.commits else "",
                "answer": cut_middle(self.redactor.hide(ending.text), _OUTPUT),
                "turns": self.budget.turns,
                "input-tokens": used.input,
                "cached-tokens": used.cached,
                "output-tokens": used.output,
            }
        )

    def _sentence(self, ending: Ending) -> str:
        """Say the ending in a line or two, for the log."""
        pull = self.branch.pull.html_url if self.branch and self.branch.pull else ""
        words = [str(ending.status), ending.what, ending.why, ending.cure, ending.kept, ending.link, pull]
        return " ".join(word for word in words if word).replace(" ", ": ", 1)

    def _describe(self, ending: Ending) -> str:
        """The ending in Markdown, for the comment and the summary."""
        parts = [self._headline(ending)]
        if ending.why:
            parts.append(_quote(inert(ending.why)))
        if ending.cure:
            parts.append(f"**What to do:** {ending.cure}")
        if ending.text:
            parts.append("The assistant says:\n\n" + _quote(inert(ending.text)))
        parts.append(self._kept(ending))
        if ending.kept:
            parts.append("**Not delivered:**\n\n" + _quote(inert(ending.kept)))
        spent = self.budget.describe()
        parts.append(f"[Log of the run]({self.runner.run_url}){' · ' if spent else ''}{spent}")
        return "\n\n".join(part for part in parts if part)

    def _headline(self, ending: Ending) -> str:
        pull = self.branch.pull if self.branch else None
        match ending.status:
            case Status.OPENED if pull:
                return f"**Opened #{pull.number}** from `{self.branch.name if self.branch else ''}`."
            case Status.UPDATED if pull:
                return f"**Updated #{pull.number}.**"
            case Status.UNCHANGED:
                return f"**{ending.what or 'Nothing was changed.'}**"
            case Status.ANSWERED:
                return ""
            case Status.BRANCH:
                return f"**{ending.what}** [Open it yourself]({ending.link})."
            case _:
                return f"**AI Dev {ending.status}.** {inert(ending.what)}"

    def _kept(self, ending: Ending) -> str:
        """What is on GitHub when the run did not end by itself."""
        branch = self.branch
        if branch is None or not branch.exists or ending.status.exit_code == 0:
            return ""
        where = f"in #{branch.pull.number}" if branch.pull else f"on the branch `{branch.name}`"
        return f"What was done so far is kept {where}. Comment `{self.go_on}` to go on."


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.strip().split("\n"))
