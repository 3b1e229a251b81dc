"""Trigger -> Task: what the model is asked to do, and what was said before; read from the payload and GitHub."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Self

from .answers import Account, Comment, Issue
from .discussion import Discussion
from .errors import AiDevError, ServiceError, Skipped
from .event import Kind, Trigger
from .marker import WORKING, Marker, find_ours, is_ours, strip_marker
from .redaction import one_line, plain
from .repository import Repository
from .visible import drop_invisible, see

_TITLE_LIMIT = 256
_BODY_LIMIT = 20_000
_COMMENT_LIMIT = 4_000
_REQUEST_LIMIT = 60_000


def read_prompt(name: str, **values: object) -> str:
    """A prompt file with its placeholders filled."""
    text = files(__package__).joinpath("prompts", name).read_text(encoding="utf-8")
    return Template(text).substitute(values).strip()


@dataclass(frozen=True)
class Brief:
    """The task as the model reads it, and what was kept from it."""

    text: str
    hidden: int
    """Characters that no reader of the page sees, and that were therefore removed."""
    left_out: int
    """Comments before the trigger that are not shown."""

    def describe(self) -> str:
        """What the model was given, in a sentence or two for people."""
        digest = hashlib.sha256(self.text.encode("utf-8", "replace")).hexdigest()
        kept = f"Removed from it as hidden: {self.hidden:,} characters. Comments left out: {self.left_out:,}."
        return f"The task as the model read it has the SHA-256 {digest}. {kept}"


@dataclass(frozen=True)
class Task:
    """What is to be done. Without an issue there is only the request."""

    trigger: Trigger
    issue: Issue | None
    discussion: Discussion
    """What was said before the trigger."""
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
            return cls(trigger, None, Discussion(), None, repository.read_viewer())
        issue = trigger.issue or repository.read_issue(trigger.number)
        check_issue(issue, trigger)
        us = _react(trigger, trigger.number, repository) if greet else repository.read_viewer()
        comments = repository.read_comments(trigger.number)
        status = find_ours(comments, us)
        others = [c for c in comments if not is_ours(c, us)]
        return cls(trigger, issue, Discussion.choose(others, trigger, issue.user, repository), status, us)

    @property
    def number(self) -> int | None:
        """The issue's number."""
        return self.trigger.number

    @property
    def heading(self) -> str:
        """What the work is about, on one line."""
        return write_heading(self.trigger, self.issue)

    @property
    def marker(self) -> Marker | None:
        """What our status comment says of the run before; None when there is none."""
        return Marker.read(self.status.body) if self.status else None

    def check_new(self) -> None:
        """Raise Skipped when a run for the same event has ended well already."""
        if (marker := self.marker) and self.trigger.key in marker.done:
            raise Skipped(
                f"A run for this event has ended well already; the comment on #{self.number} says how.",
                cure="Put the label on again, or comment, to have more done.",
            )

    def describe(self) -> Brief:
        """The task for the model: what strangers wrote stands between delimiters that they cannot know."""
        reader = _Reader()
        issue = self._show_issue(reader)
        comments = [
            f"by @{_login(c.user)} at {c.created_at}\n\n{reader.markdown(c.body, _COMMENT_LIMIT)}"
            for c in self.discussion.comments
        ]
        earlier = self._show_earlier(reader)
        request = self._show_request(reader)
        fence = _choose_fence([*issue, *comments, *earlier, *request])
        parts = [read_prompt("task.md", fence=fence), *(_block("issue", fence, text) for text in issue)]
        if self.discussion.left_out:
            parts.append(f"({self.discussion.left_out:,} comments are not shown.)")
        if reader.hidden:
            parts.append(f"({reader.hidden:,} characters that nobody sees on the page are removed.)")
        parts += [_block("comment", fence, text) for text in comments]
        parts += [f"What you said at the end of the last run:\n\n{_block('answer', fence, text)}" for text in earlier]
        parts += [f"{self._asker}\n\n{_block('request', fence, text)}" for text in request]
        parts += [] if request else ["Resolve this issue."]
        return Brief("\n\n".join(parts), reader.hidden, self.discussion.left_out)

    def _show_earlier(self, reader: _Reader) -> list[str]:
        """Our own comment on how the last run ended, where there was one that ended."""
        if not self.status or not self.marker or self.marker.status in ("", WORKING):
            return []
        return [reader.markdown(strip_marker(self.status.body or ""), _BODY_LIMIT)]

    def _show_issue(self, reader: _Reader) -> list[str]:
        """The issue, where there is one."""
        if not self.issue:
            return []
        body = reader.markdown(self.issue.body, _BODY_LIMIT) or "(The issue has no text.)"
        title = one_line(reader.plain(self.issue.title, _TITLE_LIMIT), _TITLE_LIMIT)
        return [f"#{self.issue.number} by @{_login(self.issue.user)}\nTitle: {title}\n\n{body}"]

    def _show_request(self, reader: _Reader) -> list[str]:
        """What was asked beside the issue, if anything was: of a comment what its readers see."""
        read = reader.markdown if self.trigger.kind is Kind.COMMENT else reader.plain
        return [read(self.trigger.request, _REQUEST_LIMIT)] if self.trigger.request else []

    @property
    def _asker(self) -> str:
        who = f"@{_login(self.trigger.sender)}" if self.trigger.sender else "The workflow"
        return f"{who} asks you{' about this issue' if self.issue else ''}:"


@dataclass
class _Reader:
    """Reads what strangers wrote as a visitor of the page does; counts the characters that are hidden from one."""

    hidden: int = 0

    def markdown(self, text: str | None, limit: int) -> str:
        """What is visible of the first ``limit`` characters of Markdown."""
        return self._read(text or "", limit, lambda start: ((seen := see(start)).text, seen.hidden))

    def plain(self, text: str, limit: int) -> str:
        """What is visible of the first ``limit`` characters of a text without markup."""
        return self._read(text, limit, drop_invisible)

    def _read(self, text: str, limit: int, clean: Callable[[str], tuple[str, int]]) -> str:
        shown, hidden = clean(text[:limit].replace("\r\n", "\n"))
        self.hidden += hidden
        shown = plain(shown).strip()
        return shown if len(text) <= limit else f"{shown}\n[… {len(text) - limit:,} characters left out]"


def write_heading(trigger: Trigger, issue: Issue | None) -> str:
    """What the work is about, on one line that is never empty."""
    text = one_line(drop_invisible((issue.title if issue else trigger.request)[:_TITLE_LIMIT])[0], 80)
    return text or (f"Work on #{trigger.number}" if trigger.number else "Do the task")


def check_issue(issue: Issue, trigger: Trigger) -> None:
    """Raise when there is nothing to work on: the issue is closed, or is a pull request."""
    if issue.pull_request is not None:
        raise AiDevError(f"#{issue.number} is a pull request.", cure="Give the number of an issue.")
    if issue.state == "closed":
        raise Skipped(f"Issue #{issue.number} is closed.", cure="Reopen it to have it worked on.")
    if trigger.kind is Kind.LABEL and not (issue.title.strip() or (issue.body or "").strip()):
        raise Skipped(f"Issue #{issue.number} says nothing.", cure="Write what is to be done.")


def _react(trigger: Trigger, number: int, repository: Repository) -> Account:
    try:
        return repository.react(number, trigger.comment.id if trigger.comment else None)
    except ServiceError as e:
        if e.failure.status == 404 and trigger.comment:
            raise Skipped("The comment is gone.") from None
        if e.failure.status == 403 and "lock" in e.failure.detail.lower():
            return repository.read_viewer()
        raise


def _login(account: Account | None) -> str:
    return one_line(account.login, 100) if account else "ghost"


def _choose_fence(texts: Iterable[str]) -> str:
    """A new delimiter that stands in none of the texts, whatever their authors guessed."""
    material = "\n".join(texts).lower()
    while (fence := secrets.token_hex(8)) in material:
        pass
    return fence


def _block(name: str, fence: str, text: str) -> str:
    return f"<{name}-{fence}>\n{text}\n</{name}-{fence}>"
