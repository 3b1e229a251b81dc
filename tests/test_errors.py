"""Who must act on a failure, and whether asking again can help."""

import re
import time

import pytest

from ai_dev import errors
from ai_dev.errors import (
    TRIES,
    AiDevError,
    Blocked,
    Cancelled,
    Failure,
    InputError,
    Refused,
    SandboxGone,
    Service,
    ServiceError,
    Skipped,
    Status,
    Stopped,
    pause,
    persist,
)


def failure(status=None, code="", wait=None, service=Service.OPENAI):
    """A failure of a service."""
    return Failure(service, "answer", "the detail", status=status, code=code, wait=wait)


@pytest.mark.parametrize(
    "passing",
    [failure(status) for status in (None, 408, 429, 500, 502, 503, 504, 529)]
    + [failure(200, "server_error"), failure(403, "rate_limit_exceeded"), failure(None, "overloaded")],
    ids=lambda f: f"{f.status} {f.code}".strip(),
)
def test_passing_failures_are_asked_again(passing):
    """After a passing failure we wait a little longer each time, within a quarter of 1, 2, 4 and 8 seconds."""
    for tries, expected in enumerate((1, 2, 4, 8), 1):
        assert pytest.approx(expected, rel=0.26) == pause(passing, tries)
    assert pause(passing, TRIES) is None


@pytest.mark.parametrize(
    "final",
    [failure(status) for status in (200, 400, 401, 403, 404, 413, 422)]
    + [failure(429, "insufficient_quota"), failure(400, "context_length_exceeded"), failure(None, "invalid_api_key")],
    ids=lambda f: f"{f.status} {f.code}".strip(),
)
def test_final_failures_are_not_asked_again(final):
    """What asking again cannot help ends at once."""
    assert pause(final, 1) is None


@pytest.mark.parametrize(
    ("wait", "expected"),
    [(0.0, 0.0), (1.5, 1.5), (120.0, 120.0), (120.1, None), (float("inf"), None), (float("nan"), None)],
)
def test_wait_of_the_service_counts(wait, expected):
    """What the service asks us to wait counts up to two minutes; when it is more we stop."""
    assert expected == pause(failure(429, wait=wait), 1)


def test_backoff_is_bounded():
    """No wait of our own is longer than a minute and a quarter."""
    waits = [pause(failure(500), tries) for tries in range(1, TRIES)]

    assert all(wait is not None and wait <= 75 for wait in waits)


def ask(*outcomes):
    """A request that comes to these in turn, and how often it was made."""
    made = []

    def once():
        outcome = outcomes[len(made)]
        made.append(outcome)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return once, made


def test_persist_gives_the_first_answer():
    """A request is made again until it is answered, and not once more."""
    once, made = ask(*[ServiceError(failure(503, wait=0.0))] * 3, "answer", "never asked for")

    assert "answer" == persist(once)
    assert 4 == len(made)


def test_persist_ends():
    """After five tries the last failure is raised."""
    faults = [ServiceError(failure(503, wait=0.0)) for _ in range(TRIES + 1)]
    once, made = ask(*faults)

    with pytest.raises(ServiceError) as raised:
        persist(once)

    assert faults[TRIES - 1] is raised.value
    assert TRIES == len(made)


@pytest.mark.parametrize("error", [ServiceError(failure(401)), Skipped("no"), ValueError("bug")])
def test_persist_passes_on_what_is_final(error):
    """What is no passing failure of a service is raised at once."""
    once, made = ask(error, "never asked for")

    with pytest.raises(type(error)) as raised:
        persist(once)

    assert error is raised.value
    assert [error] == made


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (failure(401), "openai-api-key"),
        (failure(404), "input model"),
        (failure(429, "insufficient_quota"), "credit"),
        (failure(401, service=Service.E2B), "e2b-api-key"),
        (failure(404, service=Service.E2B), "sandbox-template"),
        (failure(401, service=Service.GITHUB), "github-token"),
        (failure(403, service=Service.GITHUB), "contents: write, issues: write, pull-requests: write"),
        (failure(502, service=Service.GITHUB), "passing fault of GitHub"),
    ],
    ids=lambda value: f"{value.service} {value.code or value.status}" if isinstance(value, Failure) else "",
)
def test_failure_names_its_cure(fault, cure):
    """A person who reads of a failure reads what happened, the service's words, and what to do."""
    error = ServiceError(fault)

    assert f"{fault.service} could not answer ({fault.status})." == error.what
    assert "the detail" == error.why
    assert cure in error.cure
    assert f"{error.what} {error.why} {error.cure}" == str(error)


@pytest.mark.parametrize("wait", [1e12, float("inf")])
def test_wait_without_end_has_words(wait):
    """Whatever time a service asks for, what it came to can be told."""
    assert "GitHub asks to wait" in ServiceError(failure(503, wait=wait, service=Service.GITHUB)).cure


def test_when_to_come_back_is_said():
    """A service that asks to wait longer than the run does is named with the time from which on it can be asked."""
    assert re.fullmatch(
        r"GitHub asks to wait: start the run again after \d\d:\d\d UTC on [A-Z][a-z]+ \d+\.",
        ServiceError(failure(429, wait=3600, service=Service.GITHUB)).cure,
    )


def test_faults_are_heard():
    """Whoever asks hears of each fault, and how long it takes until it is asked again."""
    once, _ = ask(*[ServiceError(failure(503, wait=0.0))] * 2, "answer")
    heard = []
    persist(once, heard=lambda error, wait: heard.append((error.failure.status, wait)))

    assert [(503, 0.0)] * 2 == heard


def test_detail_is_bounded():
    """The words of a service are shown up to a thousand characters."""
    assert 1000 == len(ServiceError(Failure(Service.E2B, "x", "y" * 5000)).why)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AiDevError("x"), Status.FAILED, 1),
        (InputError(["a", "b"]), Status.FAILED, 1),
        (Skipped("x"), Status.SKIPPED, 0),
        (Refused("x"), Status.REFUSED, 0),
        (Stopped("x"), Status.STOPPED, 1),
        (Cancelled("x"), Status.CANCELLED, 130),
        (Blocked(), Status.BLOCKED, 1),
        (ServiceError(failure(500)), Status.STOPPED, 1),
        (ServiceError(failure(429, "insufficient_quota")), Status.STOPPED, 1),
        (ServiceError(failure(None, errors.MALFORMED)), Status.STOPPED, 1),
        (ServiceError(failure(None, errors.UNTRUSTED)), Status.FAILED, 1),
        (ServiceError(failure(401)), Status.FAILED, 1),
        (ServiceError(failure(500, service=Service.GITHUB)), Status.FAILED, 1),
        (SandboxGone(failure(502, service=Service.E2B)), Status.FAILED, 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_have_their_status(error, status, code):
    """Each error ends the run with its own status and exit code."""
    assert status is error.status
    assert code == error.status.exit_code


def test_every_other_status_is_a_success():
    """Only a run that did not do its work fails the job; a bug of ours can be told from the rest."""
    codes = {str(status): status.exit_code for status in Status if status.exit_code}

    assert {"stopped": 1, "failed": 1, "blocked": 1, "cancelled": 130, "bug": 3} == codes


def test_tree_in_the_docstring_is_the_tree():
    """The tree that the module draws is the one that it has."""
    drawn = set(re.findall(r"^    [│├└─ ]*(\w+)  ", errors.__doc__ or "", re.MULTILINE))
    real = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}

    assert real == drawn


def test_persist_does_not_wait_behind_the_end():
    """What would be asked again behind the end is not: the fault comes out at once."""
    asked = []

    def ask():
        asked.append(time.monotonic())
        raise ServiceError(Failure(Service.OPENAI, "answer", "busy", status=503, wait=60))

    with pytest.raises(ServiceError):
        persist(ask, time.monotonic() + 59)

    assert 1 == len(asked)
