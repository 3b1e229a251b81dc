"""Who may start a run and go on with it: what is asked of GitHub, and how often."""

import pytest

from ai_dev.access import Access, may_write
from ai_dev.answers import Account
from ai_dev.errors import Refused, ServiceError
from ai_dev.event import Kind, Trigger
from ai_dev.repository import Repository
from ai_dev.runner import Runner
from standins.git import make_repository
from standins.github import GitHub

TOKEN = "ghs_token"
PERMISSION = "/collaborators/[^/]+/permission$"


@pytest.fixture
def github(directory):
    """A server with a repository of octo's and an issue that has our label."""
    source = make_repository(directory / "source", {"a.txt": "1\n"})
    with GitHub(directory / "github") as server:
        server.add_token(TOKEN)
        server.add_user("octo")
        server.add_user("reader")
        server.add_user("robot[bot]", type="Bot")
        state = server.add_repository("octo/demo", source=source)
        state.permissions["octo"] = "admin"
        state.add_issue("Bug", "It is.", user="octo").labels.append("ai-dev")
        yield server
        assert [] == server.problems


def account(github, who, **changes):
    """The account as a payload or an answer names it."""
    user = github.users[who]
    return Account(**{"login": user.login, "id": user.id, "type": user.type, **changes})


def make_access(github, sender="octo", kind=Kind.LABEL, number=1, token=TOKEN):
    """The rule for a run that this account began."""
    trigger = Trigger(kind, number, "", account(github, sender), None, None, None, "2026-01-01T00:00:00Z", "run-5")
    runner = Runner.of({"GITHUB_REPOSITORY": "octo/demo", "GITHUB_EVENT_NAME": "issues"})
    repository = Repository(github.api_url, "octo/demo", token)
    return Access(trigger, runner, repository, "ai-dev", frozenset({"robot[bot]"}))


def count(github):
    """How often GitHub was asked for the issue, and for a permission."""
    return len(github.requests("GET", "/issues/1$")), len(github.requests("GET", PERMISSION))


def test_answer_about_a_person_counts_for_a_minute(github):
    """At the start it is asked, before the first push again; then for a minute only the issue is looked at."""
    access = make_access(github)

    access.check()
    assert (0, 1) == count(github)
    access.check_again()
    assert (1, 2) == count(github)
    access.check_again()
    assert (2, 2) == count(github)
    access._asked -= 60
    access.check_again()
    assert (3, 3) == count(github)


def test_bot_is_asked_for_by_nobody(github):
    """For a bot on the list only the issue is looked at."""
    access = make_access(github, "robot[bot]")

    access.check()
    access.check_again()

    assert (1, 0) == count(github)


def test_without_an_issue_only_the_person_is_asked_for(github):
    """A task has no issue that could be closed."""
    access = make_access(github, kind=Kind.TASK, number=None)

    access.check_again()

    assert (0, 1) == count(github)


def test_refusal_does_not_wear_off(github):
    """Asked again after a refusal, GitHub is asked anew."""
    access = make_access(github)
    github.repositories["octo/demo"].permissions["octo"] = "read"

    for _ in range(2):
        with pytest.raises(
            Refused, match=r"no write access here\. So the run was stopped, and nothing more is pushed\."
        ):
            access.check_again()

    assert (2, 2) == count(github)


def test_token_that_ran_out_is_no_refusal(github):
    """When GitHub does not know our token any more, that is what is said."""
    access = make_access(github, token="ghs_old")

    for ask in (access.check, access.check_again):
        with pytest.raises(ServiceError, match="github-token"):
            ask()


@pytest.mark.parametrize(
    ("login", "changes", "expected"),
    [
        ("octo", {}, True),
        ("octo", {"login": "OCTO"}, True),
        ("octo", {"type": ""}, False),
        ("octo", {"type": "Bot"}, False),
        ("octo", {"id": 1}, False),
        ("octo", {"login": "gone"}, False),
        ("octo", {"login": "../../../user"}, False),
        ("octo", {"login": ".."}, False),
        ("octo", {"login": ""}, False),
        ("reader", {}, False),
        ("robot[bot]", {}, False),
        ("robot[bot]", {"type": "User"}, False),
    ],
)
def test_who_may_write(github, login, changes, expected):
    """Only a user of whom GitHub says so, under the same name and id."""
    repository = Repository(github.api_url, "octo/demo", TOKEN)

    assert expected == may_write(account(github, login, **changes), repository)
