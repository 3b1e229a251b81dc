"""Who must act on each failure.

    ToolError            the model: the text is the tool's answer, it never leaves the loop
    AiDevError           a person: what happened, why, what to do
    ├── InputError       the workflow's author: every fault of the inputs at once
    ├── Skipped          nobody: the event is not for us
    ├── Refused          nobody here: the actor may not start a run
    ├── Stopped          the requester: the run could not go on, though nothing is wrong with it
    │   └── OutOfBudget  a limit of the run is reached, or near
    ├── Cancelled        the requester: somebody ended the run
    ├── Blocked          whoever holds the workflow's keys: one of them was about to be published
    └── ServiceError     whoever runs the service or holds its key
        └── SandboxGone  the sandbox ended before the run did
            └── SandboxFull  its disk is full

Anything else that is raised is a bug of ours. Statuses and exit codes are those of the README's table.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar


class Status(StrEnum):
    """How a run ends."""

    OPENED = "opened"
    UPDATED = "updated"
    ANSWERED = "answered"
    UNCHANGED = "unchanged"
    BRANCH = "branch"
    SKIPPED = "skipped"
    REFUSED = "refused"
    STOPPED = "stopped"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    BUG = "bug"

    @property
    def exit_code(self) -> int:
        """The exit code of a run that ends so."""
        return _EXIT_CODES.get(self, 0)


_EXIT_CODES = {Status.STOPPED: 1, Status.FAILED: 1, Status.BLOCKED: 1, Status.CANCELLED: 130, Status.BUG: 3}


class ToolError(Exception):
    """A tool cannot do what was asked; the text tells the model why."""


class AiDevError(Exception):
    """The run ends: ``what`` happened, ``why`` and the ``cure`` (either may be empty), each a sentence or two."""

    status = Status.FAILED

    def __init__(self, what: str, why: str = "", cure: str = "", said: str = "") -> None:
        super().__init__(" ".join(part for part in (what, why, cure) if part))
        self.what, self.why, self.cure = what, why, cure
        self.said = said
        """The model's last words, where it could say any."""


class InputError(AiDevError):
    """The action's inputs have faults."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("The inputs have faults.", "\n".join(f"- {fault}" for fault in faults))


class Skipped(AiDevError):
    """The event is not for us."""

    status = Status.SKIPPED


class Refused(AiDevError):
    """The actor may not start a run."""

    status = Status.REFUSED


class Stopped(AiDevError):
    """The run cannot go on, though nothing is wrong with it: another run can."""

    status = Status.STOPPED


class OutOfBudget(Stopped):
    """A limit of the run is reached, or near."""


class Cancelled(AiDevError):
    """The runner told us to stop."""

    status = Status.CANCELLED


class Blocked(AiDevError):
    """One of our own secrets is in what was to be published. The secret itself is nowhere in the words."""

    status = Status.BLOCKED

    def __init__(self) -> None:
        super().__init__(
            "One of the workflow's own secrets was found in a change, as it is or encoded.",
            "Nothing of that change was published; what was pushed before it stays.",
            "Rotate the keys that the workflow gives to the action (github-token, if it is not the job's own, "
            "openai-api-key, e2b-api-key), and find out where it could be read: in the sandbox-template, for one.",
        )


class Service(StrEnum):
    """The services that a run uses."""

    OPENAI = "OpenAI"
    E2B = "E2B"
    GITHUB = "GitHub"


@dataclass(frozen=True)
class Failure:
    """What one request to a service came to, as far as it is known."""

    service: Service
    doing: str
    """What was asked, as in "create the sandbox"."""
    detail: str
    """The service's own words; hostile, shown redacted."""
    status: int | None = None
    """HTTP status; None when there was no answer."""
    code: str = ""
    """The service's own code: ``insufficient_quota``, ``server_error``, …"""
    wait: float | None = None
    """Seconds that the service asked us to wait."""
    written: int | None = None
    """Bytes of a reply of the model that had come when it broke off: they are paid for. None when none had begun."""


class ServiceError(AiDevError):
    """A service did not do what it was asked, and asking again will not help (any more)."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        self.status = _status(failure)
        status = f" ({failure.status})" if failure.status else ""
        super().__init__(
            f"{failure.service} could not {failure.doing}{status}.", failure.detail.strip()[:1000], _cure(failure)
        )


class SandboxGone(ServiceError):
    """The sandbox is not there any more."""


class SandboxFull(SandboxGone):
    """The sandbox has no more room on its disk: it is there, and of no use."""


TRIES = 5
"""Requests made in all for one answer."""
_PATIENCE = 120.0
"""Longest wait in seconds before the next try."""

_LATEST = 366 * 86_400
"""Longest wait in seconds that is told as a date: there is none behind the year 9999."""

MALFORMED = "malformed"
"""Our code for an answer that has not the form that the service documents."""
TOO_LONG = "context_length_exceeded"
"""OpenAI's code for a conversation that is longer than the model can read."""
UNTRUSTED = "untrusted"
"""Our code for a server whose certificate was not accepted."""
FULL = "full"
"""Our code for a sandbox whose disk is full."""
_FINAL_CODES = {
    FULL,
    MALFORMED,
    UNTRUSTED,
    "insufficient_quota",
    TOO_LONG,
    "invalid_prompt",
    "model_not_found",
    "invalid_api_key",
}
_STOPPING_CODES = {MALFORMED, TOO_LONG, "insufficient_quota", "invalid_prompt"}
"""What of the model's service ends a run as stopped, though asking again does not help: its inputs are not to blame."""
_PASSING_CODES = {"server_error", "rate_limit_exceeded", "slow_down", "overloaded"}
_PASSING_STATUSES = {None, 408, 409, 429, 500, 502, 503, 504, 529}

_CURES: dict[tuple[Service, int | str], str] = {
    (Service.OPENAI, 400): "Check the inputs model and reasoning-effort: the server does not take what they ask for.",
    (Service.OPENAI, 401): "Check the input openai-api-key (and openai-base-url, if you set it).",
    (Service.OPENAI, 403): "Give the key's project access to the model in the input model.",
    (Service.OPENAI, 404): "Check the input model: the key must have access to a model of this name.",
    (Service.OPENAI, "insufficient_quota"): "Add credit to the OpenAI account, then start the run again.",
    (Service.OPENAI, TOO_LONG): "Split the issue, or use a model with a longer context.",
    (Service.OPENAI, "invalid_prompt"): "Say in the issue what it is for.",
    (Service.E2B, 401): "Check the input e2b-api-key.",
    (Service.E2B, 403): "Check that the account of the input e2b-api-key is in order and may use the sandbox-template.",
    (Service.E2B, 404): "Check the input sandbox-template: it must be a template of the key's team.",
    (Service.E2B, FULL): "Use a sandbox-template with a larger disk.",
    (Service.E2B, 429): "Too many sandboxes run at once in the E2B account: wait for some to end, or raise its limit.",
    (Service.GITHUB, "rate_limit_exceeded"): "GitHub's limit of requests is used up: start the run again in an hour.",
    (Service.GITHUB, 401): "Check the input github-token: it is not valid, or it has expired.",
    (Service.GITHUB, 403): "Give the job `permissions: contents: write, issues: write, pull-requests: write`.",
    (Service.GITHUB, 404): "Check that the repository, branch and issue exist and that the token may read them.",
}


def connection_code(error: BaseException) -> str:
    """``UNTRUSTED`` when that is why a connection failed, else nothing; TLS libraries tell it in words only."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    words = " ".join(map(str, causes))
    return UNTRUSTED if re.search("CERTIFICATE_VERIFY_FAILED|invalid peer certificate", words) else ""


def _cure(failure: Failure) -> str:
    if failure.code == UNTRUSTED:
        return "If its certificate is of an authority of your own, give that one's in the input ca-certificates."
    for key in (failure.code, failure.status or 0):
        if cure := _CURES.get((failure.service, key)):
            return cure
    if passing(failure) and failure.wait:
        come_back = datetime.now(UTC) + timedelta(seconds=min(failure.wait, _LATEST))
        return f"{failure.service} asks to wait: start the run again after {come_back:%H:%M} UTC on {come_back:%B %-d}."
    if passing(failure):
        return f"This is most likely a passing fault of {failure.service}: start the run again later."
    return ""


def _status(failure: Failure) -> Status:
    """Stopped where the model's service gave out in the middle of the work, which another run can go on with."""
    stopping = passing(failure) or failure.code in _STOPPING_CODES
    return Status.STOPPED if failure.service is Service.OPENAI and stopping else Status.FAILED


def passing(failure: Failure) -> bool:
    """Whether asking again can help."""
    if failure.code in _FINAL_CODES:
        return False
    return failure.code in _PASSING_CODES or failure.status in _PASSING_STATUSES


def pause(failure: Failure, tries: int) -> float | None:
    """Seconds to wait before the next try after ``tries`` that failed; None to stop.

    Backoff grows from 1 to 60 s with jitter; what the service asks for counts up to two minutes.
    """
    if tries >= TRIES or not passing(failure):
        return None
    if failure.wait is not None:
        return failure.wait if failure.wait <= _PATIENCE else None
    return min(60.0, 2.0 ** (tries - 1)) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret


_Result = TypeVar("_Result")


def persist(
    ask: Callable[[], _Result],
    until: float = math.inf,
    heard: Callable[[ServiceError, float], None] = lambda _, __: None,
) -> _Result:
    """What ``ask`` gives; it is asked again after passing faults, never behind ``until`` (of the monotonic clock).

    ``heard`` is told of each fault and of the seconds until it is asked again. Raises its last ServiceError.
    """
    tries = 0
    while True:
        try:
            return ask()
        except ServiceError as e:
            tries += 1
            wait = pause(e.failure, tries)
            if wait is None or time.monotonic() + wait > until:
                raise
            heard(e, wait)
            time.sleep(wait)
