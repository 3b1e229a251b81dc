"""Trigger -> Task: what the model is asked to do, and what was said before; read from the payload and GitHub."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any, Self

from .answers import Account, Comment, Issue
from .errors import AiDevError, ServiceError, Skipped
from .event import Kind, Trigger
from .redaction import one_line, plain
from .repository import Repository

_TITLE_LIMIT = 256
_BODY_LIMIT = 20_000
_COMMENT_LIMIT = 4_000
_COMMENTS = 20

WORKING = "working"
"""The status in the marker of a run that has not ended."""
_MARKER = re.compile(r"<!-- ai-dev (\{.{0,2000}?\}) -->")


def write_marker(**values: str | None) -> str:
    """The hidden line by which we find our own status comment again, with what a later run needs to know."""
    return f"<!-- ai-dev {json.dumps(values).replace('--', '-' + chr(92) + 'u002d')} -->"


def read_marker(body: str | None) -> dict[str, Any] | None:
    """The values of the marker in a comment; None where there is none."""
    if found := _MARKER.search(body or ""):
        try:
            values = json.loads(found[1])
        except (ValueError, RecursionError):
            return None
        return values if isinstance(values, dict) else None
    return None


def read_prompt(name: str, **values: object) -> str:
    """A prompt file with its placeholders filled."""
    text = files(__package__).joinpath("prompts", name).read_text(encoding="utf-8")
    return Template(text).substitute(values).strip()


@dataclass(frozen=True)
class Task:
    """What is to be done. Without an issue there is only the request."""

    trigger: Trigger
    issue: Issue | None
    discussion: tuple[Comment, ...]
    """What was said before the trigger, oldest first."""
    left_out: int
    """Older comments that are not shown."""
    status: Comment | None
    """Our status comment of an earlier run."""
    us: Account
    """The account behind the token."""

    @classmethod
    def gather(cls, trigger: Trigger, repository: Repository, *, greet: bool) -> Self:
        """Read the issue and its discussion; with ``greet``, show the requester by a reaction that we saw it.

        Raises Skipped when the issue is closed, AiDevError when it cannot be worked on, ServiceError.
        """
        if trigger.number is None:
            return cls(trigger, None, (), 0, None, repository.read_viewer())
        issue = trigger.issue or repository.read_issue(trigger.number)
        check_issue(issue, trigger)
        us = _react(trigger, trigger.number, repository) if greet else repository.read_viewer()
        comments = repository.read_comments(trigger.number)
        status = next((c for c in comments if is_ours(c, us)), None)
        before = [c for c in comments if _is_before(c, trigger) and read_marker(c.body) is None]
        return cls(trigger, issue, tuple(before[-_COMMENTS:]), max(0, len(before) - _COMMENTS), status, us)

    @property
    def number(self) -> int | None:
        """The issue's number."""
        return self.trigger.number

    @property
    def heading(self) -> str:
        """What the work is about, on one line."""
        return one_line(self.issue.title if self.issue else self.trigger.request, 80)

    @property
    def branch(self) -> str:
        """The branch that our status comment names; empty when there is none."""
        values = read_marker(self.status.body) if self.status else None
        return str((values or {}).get("branch") or "")

    def describe(self) -> str:
        """The task as the model reads it: what strangers wrote stands between delimiters that they cannot know."""
        fence = secrets.token_hex(8)
        parts = [read_prompt("task.md", fence=fence)]
        if self.issue:
            title = one_line(self.issue.title, _TITLE_LIMIT)
            head = f"#{self.issue.number} by @{_login(self.issue.user)}\nTitle: {title}"
            parts.append(_block("issue", fence, f"{head}\n\n{_body(self.issue)}"))
        if self.left_out:
            parts.append(f"({self.left_out} older comments are not shown.)")
        parts += [
            _block("comment", fence, f"by @{_login(c.user)} at {c.created_at}\n\n{_cap(c.body, _COMMENT_LIMIT)}")
            for c in self.discussion
        ]
        parts.append(self._ask(fence))
        return "\n\n".join(parts)

    def _ask(self, fence: str) -> str:
        if not self.trigger.request:
            return "Resolve this issue."
        who = f"@{self.trigger.sender.login}" if self.trigger.sender else "The workflow"
        about = " about this issue" if self.issue else ""
        return f"{who} asks you{about}:\n\n" + _block("request", fence, _cap(self.trigger.request, _BODY_LIMIT * 3))


def check_issue(issue: Issue, trigger: Trigger) -> None:
    """Raise when there is nothing to work on: the issue is closed, or is a pull request."""
    if issue.pull_request is not None:
        raise AiDevError(f"#{issue.number} is a pull request.", cure="Give the number of an issue.")
    if issue.state == "closed":
        raise Skipped(f"Issue #{issue.number} is closed.", cure="Reopen it to have it worked on.")
    if trigger.kind is Kind.LABEL and not (issue.title.strip() or (issue.body or "").strip()):
        raise Skipped(f"Issue #{issue.number} says nothing.", cure="Write what is to be done.")


def is_ours(comment: Comment, us: Account) -> bool:
    """Whether this is our status comment: the marker is there and we wrote it."""
    return bool(comment.user and comment.user.id == us.id and read_marker(comment.body) is not None)


def _react(trigger: Trigger, number: int, repository: Repository) -> Account:
    try:
        return repository.react(number, trigger.comment.id if trigger.comment else None)
    except ServiceError as e:
        if e.failure.status == 404 and trigger.comment:
            raise Skipped("The comment is gone.") from None
        if e.failure.status == 403 and "lock" in e.failure.detail.lower():
            return repository.read_viewer()
        raise


def _is_before(comment: Comment, trigger: Trigger) -> bool:
    if trigger.comment and comment.id == trigger.comment.id:
        return False
    return max(comment.created_at, comment.updated_at) < trigger.at


def _login(account: Account | None) -> str:
    return account.login if account else "ghost"


def _body(issue: Issue) -> str:
    return _cap(issue.body, _BODY_LIMIT) or "(The issue has no text.)"


def _cap(text: str | None, limit: int) -> str:
    shown = plain((text or "")[: limit * 2]).strip()
    return shown if len(shown) <= limit else shown[:limit] + f"\n[… {len(text or '') - limit:,} characters left out]"


def _block(name: str, fence: str, text: str) -> str:
    return f"<{name}-{fence}>\n{text}\n</{name}-{fence}>"
