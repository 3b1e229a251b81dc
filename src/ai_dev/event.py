"""Event payload -> Trigger: what was asked, by whom, on what; or the reason why it is not for us."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from .answers import About, Account, Comment, Issue, Label
from .errors import AiDevError, InputError, Skipped
from .runner import Runner
from .settings import Settings

TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
"""A time as GitHub writes it; of two, the earlier one is the smaller text."""


class Kind(StrEnum):
    """How a run was asked for."""

    LABEL = "label"
    COMMENT = "comment"
    TASK = "task"


class _Payload(BaseModel):
    action: str = ""
    label: Label | None = None
    issue: Issue | None = None
    comment: Comment | None = None
    sender: Account | None = None
    repository: About | None = None
    inputs: dict[str, Any] | None = None


@dataclass(frozen=True)
class Trigger:
    """What started the run."""

    kind: Kind
    number: int | None
    """The issue to work on; None for a task without one."""
    request: str
    """What was asked beside the issue: the comment behind the command, or the task. May be empty."""
    sender: Account | None
    """Who caused the event; None for a schedule."""
    issue: Issue | None
    """The issue as the payload shows it; None when only its number is known."""
    comment: Comment | None
    about: About | None
    """The repository as the payload shows it."""
    at: str
    """When: only what is older than this (ISO 8601, UTC) counts as said before."""
    key: str
    """Tells this event from others; attempts of one run share it."""

    def describe(self) -> str:
        """Who asked, and how, in a sentence."""
        who = f"@{self.sender.login}" if self.sender else "a schedule"
        return f"Asked by {who} with a {self.kind}" + (f" on issue #{self.number}." if self.number else ".")

    def describe_next(self, settings: Settings) -> str:
        """How the same work is gone on with, in a sentence: by what started it, which surely is set up."""
        command = f"comment `{settings.command} continue`"
        match self.kind:
            case Kind.LABEL:
                again = f"put the label `{settings.label}` on again"
                return f"To go on, {again}, or {command} if comments start runs here."
            case Kind.COMMENT:
                return f"To go on, {command}."
            case Kind.TASK:
                return "To go on, run the job again."

    @classmethod
    def read(cls, event: dict[str, Any], settings: Settings, runner: Runner) -> Self:
        """The trigger in this payload. Raises Skipped when the event is not for us, AiDevError when it is malformed."""
        try:
            payload = _Payload.model_validate(event)
        except ValidationError as e:
            place = ".".join(str(part) for part in e.errors()[0]["loc"])
            raise AiDevError("The event cannot be read.", f"Its field {place} is not as GitHub documents it.") from None
        number, task = _asked_by_step(payload, settings, runner.event_name)
        issue = payload.issue
        if number or task:
            known = issue if issue and issue.number == number else None
            at = event_time(known.updated_at if known else "")
            return cls(
                Kind.TASK, number, task, payload.sender, known, None, payload.repository, at, f"run-{runner.run_id}"
            )
        if runner.event_name == "issues":
            return cls._read_label(payload, settings, runner)
        if runner.event_name == "issue_comment":
            return cls._read_comment(payload, settings)
        raise Skipped(
            f"The event {runner.event_name or '(none)'} starts nothing by itself.",
            cure="Give the step a `task` or an `issue-number`, or run it on `issues` or `issue_comment`.",
        )

    @classmethod
    def _read_label(cls, payload: _Payload, settings: Settings, runner: Runner) -> Self:
        issue, label = payload.issue, payload.label
        if payload.action != "labeled" or label is None or issue is None:
            raise Skipped(f"The event is issues.{payload.action}: only a label that is added starts a run.")
        if label.name != settings.label:
            raise Skipped(f"The label is {label.name}; only {settings.label} starts a run.")
        at = event_time(issue.updated_at)
        return cls(
            Kind.LABEL, issue.number, "", payload.sender, issue, None, payload.repository, at, f"run-{runner.run_id}"
        )

    @classmethod
    def _read_comment(cls, payload: _Payload, settings: Settings) -> Self:
        issue, comment = payload.issue, payload.comment
        if payload.action != "created" or comment is None or issue is None:
            raise Skipped(f"The event is issue_comment.{payload.action}: only a new comment starts a run.")
        if issue.pull_request is not None:
            raise Skipped("The comment is on a pull request; the command is read on issues only.")
        said = re.match(re.escape(settings.command) + r"(?=\s|$)(.*)", comment.body or "", re.DOTALL)
        if said is None:
            raise Skipped(f"The comment does not start with {settings.command}.")
        at, key = event_time(comment.created_at), f"comment-{comment.id}"
        return cls(
            Kind.COMMENT,
            issue.number,
            said[1].replace("\r\n", "\n").strip(),
            payload.sender,
            issue,
            comment,
            payload.repository,
            at,
            key,
        )


def _asked_by_step(payload: _Payload, settings: Settings, event_name: str) -> tuple[int | None, str]:
    """The issue number and the task that the step gives, or that somebody typed into the form of the dispatch."""
    if settings.issue_number or settings.task or event_name != "workflow_dispatch":
        return settings.issue_number, settings.task
    typed = payload.inputs or {}
    number, task = (str(typed.get(name) or "").strip() for name in ("issue-number", "task"))
    if number and not re.fullmatch(r"[1-9][0-9]{0,8}", number):
        raise InputError(["`issue-number` is not valid: give a whole number, in digits."])
    return int(number) if number else None, task[:60_000]


def event_time(stamp: str) -> str:
    """The payload's time, or now where an older server gives none. Raises AiDevError when it is no time."""
    if stamp and not TIME.fullmatch(stamp):
        raise AiDevError("The event cannot be read.", "A time in it is not as GitHub documents it.")
    return stamp or _now()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
