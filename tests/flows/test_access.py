"""Who may start a run: GitHub is asked, and what is no clear yes is a no that nobody on GitHub sees."""

import pytest

from standins.openai import reply, say

PERMISSION = "/collaborators/[^/]+/permission$"


def labelled_by(login, role=None, kind="User", **job):
    """A job started by this account, which has this role, labelling the issue."""

    def ask(stage):
        stage.github.add_user(login, type=kind)
        if role:
            stage.repository.permissions[login] = role
        event = stage.repository.event("labeled", number=1, label="ai-dev", sender=login)
        return stage.job("issues", event, **job)

    return ask


def commented_by(login, role=None, kind="User", inputs=None, **event):
    """A job started by this account, which has this role, giving the command."""

    def ask(stage):
        stage.github.add_user(login, type=kind)
        if role:
            stage.repository.permissions[login] = role
        comment = stage.repository.add_comment(1, "/ai-dev Do it.", user=login)
        return stage.job("issue_comment", stage.repository.event("comment", comment=comment.id, **event), inputs=inputs)

    return ask


def claimed_owner(stage):
    job = commented_by("mallory", "none")(stage)
    job.event["comment"]["author_association"] = "OWNER"
    return job


def of_type(kind, login="octo", **job):
    """A job whose payload says this of its sender's type."""

    def ask(stage):
        started = labelled_by(login, "admin", kind="Bot" if login != "octo" else "User", **job)(stage)
        started.event["sender"]["type"] = kind
        if kind is None:
            del started.event["sender"]["type"]
        return started

    return ask


def scheduled(**variables):
    """A job that the clock began, with these variables of the runner's."""
    return lambda stage: stage.job(
        "schedule", stage.repository.event("schedule"), inputs={"task": "Count."}, variables=variables
    )


def no_sender(stage):
    job = stage.label(1)
    del job.event["sender"]
    return job


def no_author(stage):
    job = stage.comment(1, "/ai-dev Do it.")
    job.event["comment"]["user"] = None
    return job


def rerun_by(login, role=None, attempt="2"):
    """A job of the owner's that this account started again."""
    variables = {"GITHUB_RUN_ATTEMPT": attempt, "GITHUB_TRIGGERING_ACTOR": login}

    def ask(stage):
        stage.github.add_user(login)
        if role:
            stage.repository.permissions[login] = role
        return stage.label(1, variables=variables)

    return ask


def answered(**how):
    """A job of the owner's, while the permission API answers so."""

    def ask(stage):
        stage.github.fail("GET", PERMISSION, **how)
        return stage.label(1)

    return ask


def answered_in_turn(*faults):
    """A job of the owner's, while the permission API fails in these ways, one after the other."""

    def ask(stage):
        for fault in faults:
            stage.github.fail("GET", PERMISSION, **fault)
        return stage.label(1)

    return ask


def dispatched_by_a_bot(stage, **job):
    stage.github.add_user("robot[bot]", type="Bot")
    event = stage.repository.event("dispatch", sender="robot[bot]", inputs={"issue-number": "1"})
    return stage.job("workflow_dispatch", event, **job)


def pull_request_by_a_reader(stage):
    """A workflow that gives every event of pull requests a task lets no stranger in either."""
    stage.github.add_user("reader")
    event = stage.repository.event("push", sender="reader") | {"action": "opened"}
    return stage.job("pull_request_target", event, inputs={"task": "Do it."})


OTHER = {"login": "octo", "id": 1, "type": "User"}
LISTED = {"allowed-bots": "other[bot], robot[bot]"}
AGAIN = {"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "reader"}
BUSY = {"status": 503, "headers": {"Retry-After": "0"}, "body": "<html>Busy</html>"}
REFUSED = {
    "a reader labels": labelled_by("reader", "read"),
    "a triager labels": labelled_by("triager", "triage"),
    "somebody without a role labels": labelled_by("stranger"),
    "somebody who is shut out labels": labelled_by("mallory", "none"),
    "a bot labels": labelled_by("robot[bot]", kind="Bot"),
    "a bot with a role labels": labelled_by("robot[bot]", "admin", kind="Bot"),
    "an organization labels": labelled_by("acme", "admin", kind="Organization"),
    "a reader comments": commented_by("reader", "read"),
    "a bot comments": commented_by("robot[bot]", kind="Bot"),
    "a bot that is not on the list labels": labelled_by("robot", kind="Bot", inputs=LISTED),
    "a bot whose login is listed in another case labels": labelled_by("Robot[bot]", kind="Bot", inputs=LISTED),
    "a reader with a listed login labels": labelled_by("robot", "read", inputs={"allowed-bots": "robot"}),
    "an organization with a listed login labels": labelled_by(
        "acme", kind="Organization", inputs={"allowed-bots": "acme"}
    ),
    "a listed bot, says the event, without a type": of_type(None, "robot[bot]", inputs=LISTED),
    "a listed bot, says the event, as a user": of_type("User", "robot[bot]", inputs=LISTED),
    "a sender without a type": of_type(None),
    "a sender of an unknown type": of_type("user"),
    "a reader is called the owner": claimed_owner,
    "the comment is another's": commented_by("reader", "read", sender="octo"),
    "the comment has no author": no_author,
    "the event has no sender": no_sender,
    "a reader runs it again": rerun_by("reader", "read"),
    "somebody unknown runs it again": labelled_by(
        "octo", variables={"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "nobody"}
    ),
    "somebody unnamed runs it again": rerun_by("", attempt="3"),
    "somebody unnamed runs a listed bot's run again": labelled_by(
        "robot[bot]", kind="Bot", inputs=LISTED, variables={"GITHUB_RUN_ATTEMPT": "2"}
    ),
    "a reader runs a listed bot's run again": labelled_by("robot[bot]", kind="Bot", inputs=LISTED, variables=AGAIN),
    "somebody unknown runs a schedule again": scheduled(**AGAIN),
    "the attempt is no number": rerun_by("reader", "read", attempt="x"),
    "a bot dispatches": dispatched_by_a_bot,
    "a reader opens a pull request": pull_request_by_a_reader,
    "GitHub is busy": answered(times=None, **BUSY),
    "GitHub fails, hangs up, refuses": answered_in_turn({"status": 500}, {"drop": True}, {"status": 403}),
    "GitHub says nothing": answered(status=200, body=b""),
    "GitHub sends a page": answered(status=200, body="<html>Welcome</html>"),
    "GitHub sends an empty object": answered(status=200, body={"permission": ""}),
    "GitHub sends a permission alone": answered(status=200, body={"permission": "admin"}),
    "GitHub speaks of another account": answered(status=200, body={"permission": "admin", "user": OTHER}),
    "GitHub speaks of an account of this id by another name": answered(
        status=200, body={"permission": "admin", "user": {**OTHER, "login": "mallory"}}
    ),
    "GitHub sends a list": answered(status=200, body='["admin"]', headers={"Content-Type": "application/json"}),
    "GitHub sends a number": answered(status=200, body={"permission": 1, "user": OTHER}),
}


@pytest.mark.parametrize("ask", REFUSED.values(), ids=REFUSED)
def test_no_clear_yes_is_a_no(stage, act, ask):
    """Refused: exit code 0, the reason in the log alone, nothing written to GitHub, no sandbox, no model."""
    job = ask(stage)
    comments = list(stage.repository.issues[1].comments)

    result = act(job)

    assert (0, "refused") == (result.exit_code, result.outputs["status"])
    assert {"GET"} >= {sent.method for sent in stage.github.journal}
    assert comments == stage.repository.issues[1].comments
    assert {} == stage.e2b.sandboxes
    assert [] == stage.openai.conversations
    (notice,) = [line for line in result.log.splitlines() if line.startswith(("::notice", "::warning", "::error"))]
    assert notice.startswith("::notice::refused: ")


ADMITTED = {
    "an admin labels": labelled_by("ada", "admin"),
    "a maintainer labels": labelled_by("ada", "maintain"),
    "a writer labels": labelled_by("ada", "write"),
    "a writer comments": commented_by("ada", "write"),
    "the sender runs it again": rerun_by("octo"),
    "the sender, spelled otherwise, runs it again": rerun_by("Octo"),
    "a writer runs it again": rerun_by("ada", "write"),
    "it is the first attempt": rerun_by("reader", "read", attempt="1"),
    "a listed bot labels": labelled_by("robot[bot]", kind="Bot", inputs=LISTED),
    "a listed bot comments": commented_by("robot[bot]", kind="Bot", inputs=LISTED),
    "a listed bot dispatches": lambda stage: dispatched_by_a_bot(stage, inputs=LISTED),
    "a listed bot runs it again": labelled_by(
        "robot[bot]", kind="Bot", inputs=LISTED, variables=AGAIN | {"GITHUB_TRIGGERING_ACTOR": "robot[bot]"}
    ),
    "a writer runs a schedule again": scheduled(**AGAIN | {"GITHUB_TRIGGERING_ACTOR": "octo"}),
}


@pytest.mark.parametrize("ask", ADMITTED.values(), ids=ADMITTED)
def test_writers_are_admitted(stage, act, ask):
    """Who may write to the repository may start a run."""
    stage.openai.play(reply(say("It is so by design.")))

    result = act(ask(stage))

    assert (0, "answered") == (result.exit_code, result.outputs["status"])


def test_role_that_was_lost_is_asked_for_again(stage, act):
    """A run that is started again is refused when the sender may not write any more."""
    stage.openai.play(reply(say("It is so by design.")))
    act(labelled_by("ada", "write")(stage))
    written = len([sent for sent in stage.github.journal if sent.method != "GET"])

    again = {"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "octo"}
    result = act(labelled_by("ada", "read", variables=again)(stage))

    assert (0, "refused") == (result.exit_code, result.outputs["status"])
    assert written == len([sent for sent in stage.github.journal if sent.method != "GET"])


def test_bad_token_is_a_failure(stage, act):
    """A token that GitHub does not know is no refusal: the workflow's author must hear of it."""
    result = act(stage.label(1, inputs={"github-token": "ghs_" + "wrong" * 8}))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "Check the input github-token" in result.log
    assert {} == stage.e2b.sandboxes
