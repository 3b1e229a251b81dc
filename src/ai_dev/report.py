"""What was told -> log, status comment, summary and outputs: the only ways in which a run speaks to people."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field, replace

from .budget import Budget
from .change import Change
from .errors import AiDevError, Status
from .log import Log
from .patch_file import show_patch, write_patch
from .pull_request import Branch
from .redaction import Redactor, body, cut_middle, inert, one_line
from .runner import Asked, Event, Runner, Step, Warned
from .status_comment import StatusComment

_COMMENT = 60_000
_OUTPUT = 60_000
_URL = 1_000
_TEXT = 40_000
_WARNINGS = 50
"""Warnings in the summary."""
_SHOWN_PATCH = 600_000
"""Bytes of a patch in the summary."""
_POST_STEP = 600
"""Seconds in which the post step has surely ended."""


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
    cut_off: bool = False
    """Whether the post step has yet to deliver what was done."""

    def clean(self, redactor: Redactor) -> Ending:
        """The ending with no secret and nothing invisible in its words."""
        return replace(
            self,
            text=redactor.clean(self.text),
            what=redactor.clean(self.what),
            why=redactor.clean(self.why),
            cure=redactor.clean(self.cure),
            kept=redactor.clean(self.kept),
        )

    @classmethod
    def of(cls, error: AiDevError, kept: str = "") -> Ending:
        """The ending that an error makes."""
        return cls(error.status, error.said, error.what, error.why, error.cure, kept)


@dataclass
class Report:
    """Listens to a run and tells people about it. Closed once: by the run's end, or by a signal before it."""

    runner: Runner
    redactor: Redactor
    log: Log
    budget: Budget
    go_on: str = ""
    """How the same work is gone on with, in a sentence."""
    status: StatusComment | None = None
    branch: Branch | None = None
    extra: str = ""
    """More for the summary, in Markdown."""
    sandbox: str = ""
    """What the sandbox holds and reaches, for the summary, in Markdown."""
    patch: str | None = None
    """Name of the file that holds what could not be written to GitHub; empty where there can be none."""
    given: str = ""
    """What the model was given to read, in sentences for the summary."""
    _warnings: list[str] = field(default_factory=list)
    _step: str = "the start"
    """The step that the run is in."""
    _turn: int = 0
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, event: Event) -> None:
        """Hear an event."""
        if isinstance(event, Step):
            self._step = f"the step “{event.title}”"
        elif isinstance(event, Asked):
            self._turn = event.turn
        elif isinstance(event, Warned):
            self._warnings.append(f"- {inert(one_line(self.redactor.clean(event.text), 1000))}")
        self.log(event)
        if self.status:
            self.status.note(event, self.branch)

    def describe_moment(self) -> str:
        """Where the run is, in words."""
        return self._step + (f", turn {self._turn}" if self._turn else "")

    def keep_patch(self, change: Change, base: str) -> None:
        """Keep what is not on GitHub as a file for later steps, and in the summary; ``base`` is the commit below it."""
        patch = write_patch(change)
        self.patch = self.runner.keep_file(f"ai-dev-{uuid.uuid4().hex[:12]}.patch", patch)
        self.extra = f"### What is not on GitHub\n\n`git apply` adds it to {base}.\n\n" + show_patch(
            patch, _SHOWN_PATCH
        )

    def close(self, ending: Ending) -> Status:
        """Say everywhere how it ended. Only the first call counts."""
        with self._lock:
            if self._closed:
                return ending.status
            self._closed = True
        ending = ending.clean(self.redactor)
        text = self._describe(ending)
        self._set_outputs(ending)  # first: GitHub may be silent, and a cancelled run has little time
        if self.status and ending.status is not Status.SKIPPED:
            until = int(time.time()) + _POST_STEP if ending.cut_off else None
            self.status.end(ending.status, cut_middle(text, _COMMENT), self.branch, until=until)
        summary = [
            f"## AI Dev: {ending.status}",
            text,
            "\n".join(["Warnings:\n", *self._warnings[:_WARNINGS]]) if self._warnings else "",
            self.redactor.hide(self.sandbox),
            self.given,
            self.redactor.hide(self.extra),
        ]
        self.runner.write_summary("\n\n".join(filter(None, summary)))
        level = "warning" if ending.status is Status.BRANCH else "error" if ending.status.exit_code else "notice"
        self.log.close(self._sentence(ending), level)
        return ending.status

    def break_off(self, ending: Ending) -> None:
        """Say in the outputs and the log alone how it ended: there is no time for more."""
        self.runner.set_outputs({"status": ending.status})
        self.log.close(self._sentence(ending.clean(self.redactor)), "error")

    def _set_outputs(self, ending: Ending) -> None:
        branch, used = self.branch, self.budget.usage
        pull = branch.pull if branch else None
        self.runner.set_outputs(
            {
                "status": ending.status,
                "pull-request-number": pull.number if pull else "",
                "pull-request-url": one_line(self.redactor.clean(pull.html_url), _URL) if pull else "",
                "branch": branch.name if branch and branch.exists else "",
                "commit-sha": branch.head if branch and branch.commits else "",
                "patch": self.patch or "",
                "answer": cut_middle(ending.text, _OUTPUT),
                "turns": self.budget.turns,
                "input-tokens": used.input,
                "cached-tokens": used.cached,
                "output-tokens": used.output,
                "cost": self.budget.told_cost,
            }
        )

    def _sentence(self, ending: Ending) -> str:
        """Say the ending in a line or two, for the log; a list begins on a line of its own."""
        pull = self.branch.pull.html_url if self.branch and self.branch.pull else ""
        kept = f"Not delivered: {ending.kept}" if ending.kept else ""
        parts = [part for part in (ending.what, ending.why, ending.cure, kept, ending.link, pull) if part]
        gap = "\n" if any(part.startswith("- ") for part in parts) else " "
        return f"{ending.status}: {gap.join(parts)}" if parts else str(ending.status)

    def _describe(self, ending: Ending) -> str:
        """The ending in Markdown, for the comment and the summary."""
        parts = [self._headline(ending)]
        if ending.why:
            parts.append(_quote(body(ending.why, _TEXT // 4)))
        if ending.cure:
            parts.append(f"**What to do:** {ending.cure}")
        if ending.text:
            parts.append("The assistant says:\n\n" + _quote(body(ending.text, _TEXT)))
        if ending.status is Status.BRANCH and self.branch and self.branch.proposal:
            title, text = self.branch.proposal
            parts.append(
                f"The pull request's title and text would be:\n\n{_quote(inert(f'{title}{chr(10) * 2}{text}'))}"
            )
        parts.append(self._kept(ending))
        if ending.kept:
            parts.append("**Not delivered:**\n\n" + _quote(body(ending.kept, _TEXT // 4)))
        parts.append(self._describe_patch())
        spent = self.budget.describe()
        parts.append(f"[Log of the run]({self.runner.run_url}){' · ' if spent else ''}{spent}")
        return "\n\n".join(part for part in parts if part)

    def _describe_patch(self) -> str:
        """Where what could not be written to GitHub is."""
        if self.patch is None:
            return ""
        told = f"What passed the checks and is not on GitHub is in the summary of [the run]({self.runner.run_url})"
        if not self.patch or self.runner.in_post_step:  # behind it there is no step that could take a file
            return f"{told}, as far as it fits there."
        return f"{told} and in the file `{self.patch}` on its runner: a later step can upload that."

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
                ended = Status.FAILED if ending.status is Status.BUG else ending.status
                return f"**AI Dev {ended}.** {inert(ending.what)}"

    def _kept(self, ending: Ending) -> str:
        """What is on GitHub when the run did not end by itself."""
        branch = self.branch
        if branch is None or not branch.exists or (ending.status.exit_code == 0 and ending.status != Status.REFUSED):
            return ""
        where = f"in #{branch.pull.number}" if branch.pull else f"on the branch `{branch.name}`"
        if ending.status is Status.REFUSED:
            return f"What was pushed before is {where}."
        return f"What was done so far is kept {where}. {self.go_on}"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.strip().split("\n"))
