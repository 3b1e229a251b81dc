"""GitHub's example payloads, read by our code, and the stand-in's events beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ai_dev.answers import Account, Label
from ai_dev.errors import Skipped
from ai_dev.event import Kind, Trigger
from ai_dev.runner import Runner
from ai_dev.settings import Settings
from standins.github import GitHub, Repository

from .description import Description

Examples = list[tuple[str, Any]]
SECRETS = {"INPUT_GITHUB-TOKEN": "t", "INPUT_OPENAI-API-KEY": "o", "INPUT_E2B-API-KEY": "e"}


def read(event: str, payload: Any, **inputs: str) -> Trigger:
    """The trigger in a payload, for an action with these inputs."""
    given = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    runner = Runner.of({"GITHUB_REPOSITORY": "octo/demo", "GITHUB_RUN_ID": "7", "GITHUB_EVENT_NAME": event})
    return Trigger.read(payload, Settings.load(SECRETS | given), runner)


def select(examples: Examples, event: str, action: str) -> list[Any]:
    """The examples of one event and action."""
    found = [payload for name, payload in examples if name == event and payload.get("action") == action]
    assert found
    return found


def test_every_event_is_understood(examples: Examples) -> None:
    """No payload of GitHub's is more than we can read: it starts a run, or a sentence says why it does not."""
    assert len({event for event, _ in examples}) > 50
    for event, payload in examples:
        try:
            trigger = read(event, payload)
        except Skipped as e:
            assert str(e).endswith("."), (event, payload.get("action"))
        else:
            assert trigger.kind in Kind


def test_every_event_can_carry_a_task(examples: Examples) -> None:
    """Whatever the event is, a step's task starts a run, with the event's sender."""
    for event, payload in examples:
        trigger = read(event, payload, task="Do it")
        sender = payload.get("sender")
        assert (trigger.kind, trigger.request, trigger.number) == (Kind.TASK, "Do it", None)
        assert (trigger.sender and trigger.sender.login) == (sender and sender["login"])


def test_labels_are_read(examples: Examples) -> None:
    """An issue that gets our label is the one to work on, as it stands in the payload."""
    for payload in select(examples, "issues", "labeled"):
        trigger = read("issues", payload, label=payload["label"]["name"])
        issue, sender = payload["issue"], payload["sender"]
        assert (trigger.kind, trigger.number, trigger.request) == (Kind.LABEL, issue["number"], "")
        assert trigger.sender == Account(login=sender["login"], id=sender["id"], type=sender["type"])
        assert trigger.at == issue["updated_at"]
        assert trigger.about is not None
        assert trigger.about.default_branch == payload["repository"]["default_branch"]
        check_issue(trigger, issue)


def test_other_labels_are_skipped(examples: Examples) -> None:
    """Another label says which one it is, and which one counts."""
    for payload in select(examples, "issues", "labeled"):
        with pytest.raises(Skipped, match=payload["label"]["name"]):
            read("issues", payload)


def test_comments_are_read(examples: Examples) -> None:
    """What stands behind the command is the request; without the command a comment starts nothing."""
    for payload in select(examples, "issue_comment", "created"):
        comment, issue, sender = payload["comment"], payload["issue"], payload["sender"]
        with pytest.raises(Skipped):
            read("issue_comment", payload)
        command = payload | {"comment": comment | {"body": f"/ai-dev {comment['body']}"}}
        trigger = read("issue_comment", command)
        assert (trigger.kind, trigger.number, trigger.request) == (Kind.COMMENT, issue["number"], comment["body"])
        assert trigger.sender == Account(login=sender["login"], id=sender["id"], type=sender["type"])
        assert trigger.comment is not None
        assert (trigger.comment.id, trigger.at) == (comment["id"], comment["created_at"])
        assert trigger.comment.user is not None
        assert trigger.comment.user.id == comment["user"]["id"]
        check_issue(trigger, issue)


def test_forms_are_read(examples: Examples) -> None:
    """What somebody types into the form of a workflow that is run by hand is the task."""
    payloads = [payload for event, payload in examples if event == "workflow_dispatch"]
    assert payloads
    for payload in payloads:
        typed = {"task": "Do it", "issue-number": "3", "more": None}
        trigger = read("workflow_dispatch", payload | {"inputs": typed})
        assert (trigger.kind, trigger.number, trigger.request) == (Kind.TASK, 3, "Do it")


def check_issue(trigger: Trigger, issue: Any) -> None:
    """The issue in the trigger is the payload's."""
    read_issue = trigger.issue
    assert read_issue is not None
    assert (read_issue.number, read_issue.title, read_issue.body) == (issue["number"], issue["title"], issue["body"])
    assert read_issue.labels == [Label(name=label["name"]) for label in issue["labels"]]
    assert read_issue.pull_request == issue.get("pull_request")
    assert read_issue.user is not None
    assert read_issue.user.login == issue["user"]["login"]


def make_event(held: Repository, event: str) -> Any:
    """The stand-in's payload of an event, by GitHub's name. A schedule is Actions' own and has no examples."""
    if event == "issues":
        return held.event("labeled", number=1, label="ai-dev", sender="octo")
    if event == "issue_comment":
        return held.event("comment", comment=held.issues[1].comments[0].id)
    if event == "workflow_dispatch":
        return held.event("dispatch", sender="octo", inputs={})
    return held.event("push", sender="octo")


DESCRIBED = {
    "issues": "issues-labeled",
    "issue_comment": "issue-comment-created",
    "workflow_dispatch": "workflow-dispatch",
    "push": "push",
}
"""Events of the stand-in, and what GitHub's description calls them."""
UNSEEN = {".issue.state_reason", ".issue.timeline_url", ".commits[].modified[]", ".head_commit.modified[]"}
"""Described, but not in every example: they are older than the fields, and their commits change no file."""


@pytest.mark.parametrize("event", DESCRIBED)
def test_standin_invents_no_fields(examples: Examples, description: Description, tmp_path: Path, event: str) -> None:
    """The fields of the stand-in's events are GitHub's, of the same types, by the examples and the description."""
    seen: dict[str, set[str]] = {}
    for payload in (payload for name, payload in examples if name == event):
        for place, kind in fields(payload):
            seen.setdefault(place, {"NoneType"}).add(kind)
    with GitHub(tmp_path) as server:
        held = server.add_repository(source=None)
        held.push("main", {"README.md": b"# Demo\n"}, message="Begin")
        held.push("main", {"README.md": b"# Demo, better\n"}, message="Say more")
        issue = held.add_issue("It breaks", "Badly.", user="octo", labels=["bug"])
        held.add_comment(issue.number, "/ai-dev", user="octo")
        payload = make_event(held, event)
    assert [
        (place, kind) for place, kind in fields(payload) if place not in UNSEEN and kind not in seen.get(place, ())
    ] == []
    # What may be null is in the description only.
    assert description.faults(description.event_schema(DESCRIBED[event]), payload, partial=True) == []


def fields(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every place in a payload and the type that is there; the items of a list share a place."""
    yield place, type(value).__name__
    if isinstance(value, dict):
        for name, field in value.items():
            yield from fields(field, f"{place}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from fields(item, f"{place}[]")
