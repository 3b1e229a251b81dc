"""Payloads of every shape, as newer and older servers and other events give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.errors import AiDevError, InputError, Skipped
from ai_dev.event import Kind, Trigger
from ai_dev.runner import Runner
from ai_dev.settings import Settings

OCTO = {"login": "octo", "id": 7}
ISSUE = {"number": 3, "title": "Bug", "body": "It is.", "user": OCTO, "updated_at": "2026-01-01T00:00:00Z"}
COMMENT = {"id": 9, "body": "/ai-dev do it", "user": OCTO, "created_at": "2026-01-02T00:00:00Z"}
LABELED = {"action": "labeled", "label": {"name": "ai-dev"}, "issue": ISSUE, "sender": OCTO}
COMMENTED = {"action": "created", "comment": COMMENT, "issue": ISSUE, "sender": OCTO}
KEYS = {f"INPUT_{key}": "key" for key in ("GITHUB-TOKEN", "OPENAI-API-KEY", "E2B-API-KEY")}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def read(name, event, **inputs):
    """The trigger in an event of this name."""
    given_inputs = {f"INPUT_{key.replace('_', '-').upper()}": value for key, value in inputs.items()}
    runner = Runner.of({"GITHUB_REPOSITORY": "octo/demo", "GITHUB_EVENT_NAME": name, "GITHUB_RUN_ID": "5"})
    return Trigger.read(event, Settings.load(KEYS | given_inputs), runner)


def test_label():
    """A label of ours on an issue starts a run on it; the label's time is the issue's last change."""
    trigger = read("issues", LABELED)

    assert (Kind.LABEL, 3, "", "octo") == (trigger.kind, trigger.number, trigger.request, trigger.sender.login)
    assert ("2026-01-01T00:00:00Z", "run-5") == (trigger.at, trigger.key)


@pytest.mark.parametrize(
    ("body", "request_text"),
    [
        ("/ai-dev", ""),
        ("/ai-dev do it", "do it"),
        ("/ai-dev\r\ndo\r\nit\r\n", "do\nit"),
        ("/ai-dev\t--base=main $(id)", "--base=main $(id)"),
        ("/ai-dev\u00a0x", "x"),
    ],
)
def test_comment(body, request_text):
    """What stands behind the command is the request, taken as plain text."""
    trigger = read("issue_comment", COMMENTED | {"comment": COMMENT | {"body": body}})

    assert (Kind.COMMENT, 3, request_text, "comment-9") == (trigger.kind, trigger.number, trigger.request, trigger.key)
    assert "2026-01-02T00:00:00Z" == trigger.at


@pytest.mark.parametrize(
    "body",
    [
        "",
        None,
        "/ai-developer",
        "/AI-DEV x",
        " /ai-dev",
        "> /ai-dev",
        "`/ai-dev`",
        "x\n/ai-dev",
        "/ai-dev\u200b",
        "/ai-dev.",
    ],
    ids=ascii,
)
def test_comment_that_is_not_for_us(body):
    """Only the exact command at the very start counts."""
    with pytest.raises(Skipped, match="does not start with /ai-dev"):
        read("issue_comment", COMMENTED | {"comment": COMMENT | {"body": body}})


@pytest.mark.parametrize(
    ("name", "event", "reason"),
    [
        ("issues", LABELED | {"action": "unlabeled"}, "issues.unlabeled"),
        ("issues", LABELED | {"label": {"name": "AI-Dev"}}, "only ai-dev"),
        ("issues", LABELED | {"label": {"name": "ai\u2010dev"}}, "only ai-dev"),
        ("issues", LABELED | {"label": None}, "only a label"),
        ("issues", LABELED | {"issue": None}, "only a label"),
        ("issue_comment", COMMENTED | {"action": "edited"}, "issue_comment.edited"),
        ("issue_comment", COMMENTED | {"comment": None}, "only a new comment"),
        ("issue_comment", COMMENTED | {"issue": ISSUE | {"pull_request": {}}}, "pull request"),
        ("push", {"sender": OCTO}, "push starts nothing"),
        ("", {}, r"\(none\) starts nothing"),
        ("workflow_dispatch", {"inputs": None}, "starts nothing"),
        ("workflow_dispatch", {"inputs": {"issue-number": "", "task": None}}, "starts nothing"),
    ],
)
def test_events_that_are_not_for_us(name, event, reason):
    """Any other event is skipped with its reason."""
    with pytest.raises(Skipped, match=reason):
        read(name, event)


@pytest.mark.parametrize(
    ("typed", "number", "task"),
    [
        ({"issue-number": "12"}, 12, ""),
        ({"issue-number": " 12 ", "task": None}, 12, ""),
        ({"task": " Add tests. "}, None, "Add tests."),
        ({"issue-number": 12, "fast": True, "count": 3}, 12, ""),
        ({"task": "x" * 70_000}, None, "x" * 60_000),
    ],
    ids=["number", "blanks", "task", "typed inputs", "long"],
)
def test_form(typed, number, task):
    """What somebody typed into the form is the task, whatever other inputs the form has."""
    trigger = read("workflow_dispatch", {"inputs": typed, "sender": OCTO})

    assert (Kind.TASK, number, task, "run-5") == (trigger.kind, trigger.number, trigger.request, trigger.key)


GO_ON = {
    "label": (
        "issues",
        LABELED,
        "put the label `ai-dev` on again, or comment `/ai-dev continue` if comments start runs here.",
    ),
    "comment": ("issue_comment", COMMENTED, "comment `/ai-dev continue`."),
    "form": ("workflow_dispatch", {"inputs": {"task": "Do it."}, "sender": OCTO}, "run the job again."),
}


@pytest.mark.parametrize(("name", "event", "how"), GO_ON.values(), ids=GO_ON)
def test_how_to_go_on(name, event, how):
    """Whoever started a run is told how to go on with its work in the way that is surely set up."""
    assert f"To go on, {how}" == read(name, event).describe_next(Settings.load(KEYS))


@pytest.mark.parametrize("number", ["0", "-1", "1; id", "1e9", "\u0661", "1" * 10, "#1", ["1"]])
def test_form_with_a_bad_number(number):
    """What is no issue number is a fault of the input."""
    with pytest.raises(InputError, match="issue-number"):
        read("workflow_dispatch", {"inputs": {"issue-number": number}})


def test_inputs_of_the_step_win():
    """A task or a number that the workflow gives counts on any event; the form is not read then."""
    trigger = read("push", {"inputs": {"task": "typed"}, "sender": OCTO}, task="given")
    assert (Kind.TASK, None, "given", None) == (trigger.kind, trigger.number, trigger.request, trigger.issue)

    trigger = read("issues", LABELED | {"action": "opened"}, issue_number="3")
    assert (Kind.TASK, 3, "Bug") == (trigger.kind, trigger.number, trigger.issue.title)

    trigger = read("issues", LABELED, issue_number="4")
    assert (4, None) == (trigger.number, trigger.issue)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("issues", {"action": "labeled", "label": {"name": "ai-dev"}, "issue": {"number": 3}}),
        ("issues", LABELED | {"issue": {"number": 3, "title": "Bug", "body": None, "user": None}}),
        ("issue_comment", {"action": "created", "comment": {"id": 9, "body": "/ai-dev"}, "issue": {"number": 3}}),
    ],
    ids=["label", "empty issue", "comment"],
)
def test_payloads_of_older_servers(name, event):
    """A payload that lacks what we can do without is read; the time is now then."""
    trigger = read(name, event)

    assert 3 == trigger.number
    assert trigger.at > "2026"


def test_time_of_a_task():
    """The time of a task is that of the issue's last change where the payload shows the issue, else now."""
    assert "2026-01-01T00:00:00Z" == read("issues", LABELED | {"action": "opened"}, issue_number="3").at
    assert read("issues", LABELED | {"action": "opened"}, issue_number="4").at > "2026-06"
    assert read("schedule", {}, task="Go.").at > "2026-06"


@pytest.mark.parametrize(
    "stamp", ["9", "2026-01-01", "2026-01-01T00:00:00+02:00", "\u0662026-01-01T00:00:00Z", "never"]
)
def test_time_that_is_none(stamp):
    """What is no time of GitHub's ends the run: who is older than it would else be a guess."""
    for name, event in (
        ("issues", LABELED | {"issue": ISSUE | {"updated_at": stamp}}),
        ("issue_comment", COMMENTED | {"comment": COMMENT | {"created_at": stamp}}),
    ):
        with pytest.raises(AiDevError, match="A time in it is not as GitHub documents it"):
            read(name, event)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (LABELED | {"issue": {"title": "x"}}, "issue.number"),
        (LABELED | {"issue": "x"}, "issue"),
        (LABELED | {"issue": ISSUE | {"number": "three"}}, "issue.number"),
        (LABELED | {"label": ["ai-dev"]}, "label"),
        (LABELED | {"sender": {"login": "octo"}}, "sender.id"),
        (LABELED | {"sender": OCTO | {"type": None}}, "sender.type"),
        (LABELED | {"sender": OCTO | {"type": ["User"]}}, "sender.type"),
        (LABELED | {"issue": ISSUE | {"body": {"a": 1}}}, "issue.body"),
        (LABELED | {"action": 5}, "action"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed_payloads(event, field):
    """A payload that is not as GitHub documents it ends the run, and the field is named."""
    with pytest.raises(AiDevError, match=f"Its field {field} is not as GitHub documents it"):
        read("issues", event)


@given(
    st.sampled_from(["issues", "issue_comment", "workflow_dispatch", "push"]),
    st.dictionaries(st.sampled_from(["action", "label", "issue", "comment", "sender", "repository", "inputs"]), JSON)
    | st.sampled_from(["label", "issue", "comment", "sender"]).flatmap(
        lambda key: JSON.map(lambda value: LABELED | COMMENTED | {key: value})
    ),
)
def test_no_payload_is_a_bug(name, event):
    """Whatever the payload, there is a trigger or a sentence for a person."""
    try:
        read(name, event)
    except AiDevError as e:
        assert e.what
