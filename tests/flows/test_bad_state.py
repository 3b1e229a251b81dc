"""What the services or the repository refuse: what happened and what to do stand in log, summary and comment."""

from dataclasses import dataclass, field

import pytest

from standins.stage import TOKEN
from tests.projects import fix_script


@dataclass(frozen=True)
class Case:
    """Something wrong with a service or with what is in it, and what the user reads of it."""

    says: str
    cure: str
    inputs: dict[str, str] = field(default_factory=dict)
    comments: int = 1
    asked: int = 0
    """Requests that the model gets."""


def alive(stage):
    """The sandboxes that nobody has ended."""
    return [sandbox for sandbox in stage.e2b.sandboxes.values() if sandbox.alive]


def lack(*areas):
    """The token may only read these."""

    def prepare(stage):
        allowed = {"contents": "write", "issues": "write", "pull_requests": "write", "metadata": "read"}
        stage.github.add_token(TOKEN, permissions=allowed | dict.fromkeys(areas, "read"))

    return prepare


def refuse(status):
    """E2B creates no sandbox."""
    return lambda stage: stage.e2b.fail(
        "POST", "/v2/sandboxes$", status=status, body={"code": status, "message": "not now"}, times=None
    )


def hide(*commands):
    """The template lacks these commands."""
    return lambda stage: stage.e2b.template_hides.update(thin=set(commands))


THIN = {"sandbox-template": "thin"}
TEMPLATE = "Use a sandbox-template that has bash, git and GNU coreutils"
PERMISSIONS = "Give the job `permissions: contents: write, issues: write, pull-requests: write`."
LATER = "start the run again later"
CASES = {
    "base branch missing": (
        lambda _: None,
        Case("The branch develop has no commit.", "Check the input base-branch", inputs={"base-branch": "develop"}),
    ),
    "token not valid": (
        lambda stage: stage.github.tokens.clear(),
        Case("octo may do (401).", "Check the input github-token", comments=0),
    ),
    "token without contents": (lack("contents"), Case("(needed: contents=write)", PERMISSIONS)),
    "token without issues and pull requests": (
        lack("issues", "pull_requests"),
        Case("(needed: issues=write; pull-requests=write)", PERMISSIONS, comments=0),
    ),
    "wrong OpenAI key": (
        lambda stage: setattr(stage.openai, "keys", ["another"]),
        Case("OpenAI could not answer the request (401).", "Check the input openai-api-key", asked=1),
    ),
    "unknown model": (
        lambda stage: setattr(stage.openai, "models", ["another"]),
        Case("OpenAI could not answer the request (404).", "Check the input model", asked=1),
    ),
    "unknown effort": (
        lambda _: None,
        Case("(400).", "Check the inputs model and reasoning-effort", inputs={"reasoning-effort": "none"}, asked=1),
    ),
    "wrong E2B key": (
        lambda stage: setattr(stage.e2b, "keys", ["another"]),
        Case("E2B could not create the sandbox (401).", "Check the input e2b-api-key."),
    ),
    "unknown template": (
        lambda _: None,
        Case(
            "E2B could not create the sandbox (404).",
            "Check the input sandbox-template",
            inputs={"sandbox-template": "x"},
        ),
    ),
    "template without git": (hide("git"), Case("The sandbox lacks commands: git.", TEMPLATE, inputs=THIN)),
    "template without coreutils": (
        hide("stdbuf", "base64"),
        Case("The sandbox lacks commands: base64, stdbuf.", TEMPLATE, inputs=THIN),
    ),
    "template without bash": (hide("bash"), Case("The sandbox cannot start bash.", TEMPLATE, inputs=THIN)),
    "E2B is busy": (refuse(503), Case("E2B could not create the sandbox (503).", LATER)),
    "E2B has no place": (
        refuse(429),
        Case("E2B could not create the sandbox (429).", "Too many sandboxes run at once"),
    ),
    "E2B fails": (refuse(500), Case("E2B could not create the sandbox (500).", LATER)),
    "E2B forbids": (refuse(403), Case("E2B could not create the sandbox (403).", "Check that the account")),
}


@pytest.mark.parametrize(("prepare", "case"), CASES.values(), ids=CASES)
def test_bad_state(stage, act, prepare, case):
    """What a service or the repository refuses is told with its cure in log, summary and comment; no sandbox stays."""
    prepare(stage)

    result = act(stage.label(1, inputs=case.inputs))

    stage.openai.problems.clear()
    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    bodies = [comment.body for comment in stage.repository.issues[1].comments]
    assert case.comments == len(bodies), bodies
    for told in (result.log, result.summary, *bodies):
        assert case.says in told
        assert case.cure in told
    assert "Traceback" not in result.log
    assert case.asked == len(stage.openai.journal)
    assert [] == alive(stage)
    assert {} == stage.repository.pulls


def test_token_without_pull_requests(stage, act):
    """Whether pull requests may be opened shows only at the end: the branch is kept, and the permission is named."""
    lack("pull_requests")(stage)
    stage.openai.play(*fix_script())

    result = act(stage.label(1))

    (comment,) = stage.repository.issues[1].comments
    assert (0, "branch") == (result.exit_code, result.outputs["status"])
    assert "::warning::branch: " in result.log
    for told in (result.log, result.summary, comment.body):
        assert "(needed: pull-requests=write)" in told
        assert "give the job the permission `pull-requests: write`" in told
        assert "/octo/demo/compare/main...ai-dev/issue-1?" in told
    assert "return a + b" in stage.repository.git("show", "ai-dev/issue-1:calculator.py")


def test_empty_repository(set_stage, act):
    """An empty repository has nothing to start from: a first commit is asked for."""
    stage = set_stage(files={})
    stage.repository.add_issue("Write a calculator", None, user="octo")

    result = act(stage.label(1))

    (comment,) = stage.repository.issues[1].comments
    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    for told in (result.log, result.summary, comment.body):
        assert "The branch main has no commit." in told
        assert "push a first commit" in told
    assert [] == stage.openai.journal
    assert [] == alive(stage)


def test_plan_with_short_sandboxes(stage, act):
    """Where E2B's plan allows an hour at most, a longer run starts all the same and the log says when it ends."""
    stage.e2b.max_timeout = 3600
    stage.openai.play(*fix_script())

    result = act(stage.label(1, inputs={"max-minutes": "90"}))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert "::warning::The E2B plan refuses a sandbox of 100 minutes; this one ends after 60." in result.log
    assert [[3600]] == [sandbox.timeouts for sandbox in stage.e2b.sandboxes.values()]


@pytest.mark.parametrize(
    ("number", "ending", "says"),
    [
        (2, (0, "skipped"), "Issue #2 is closed. Reopen it to have it worked on."),
        (3, (1, "failed"), "#3 is a pull request. Give the number of an issue."),
        (
            99,
            (1, "failed"),
            "GitHub could not read issue #99 (404). Not Found Check that the repository, branch and issue",
        ),
        (4, (0, "opened"), "opened: "),
        (5, (0, "opened"), "opened: "),
    ],
    ids=["closed", "pull request", "missing", "locked", "without body"],
)
def test_odd_issue(stage, act, number, ending, says):
    """By hand, a closed issue, a pull request or a number that nothing has is told; locked and terse ones are worked on."""
    repository = stage.repository
    repository.add_issue("Done", "", user="octo", state="closed")
    repository.push("feature", {"new.py": b""}, message="Start")
    repository.add_pull("Mine", "", user="octo", head="feature")
    repository.add_issue("add() subtracts", "It does.", user="octo", locked=True)
    repository.add_issue("add() subtracts", None, user="octo")
    opens = ending == (0, "opened")
    if opens:
        stage.openai.play(*fix_script())
    event = repository.event("dispatch", sender="octo")

    result = act(stage.job("workflow_dispatch", event, inputs={"issue-number": str(number)}))

    assert ending == (result.exit_code, result.outputs["status"]), result.log
    assert says in result.log
    assert [] == alive(stage)
    assert opens or ([], 1) == (stage.openai.journal, len(repository.pulls))


def test_issue_that_vanishes(stage, act):
    """An issue that is deleted before the run starts ends it with GitHub's answer; nothing stays behind."""
    job = stage.label(1)
    del stage.repository.issues[1]

    result = act(job)

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "(404). Not Found" in result.log
    assert [] == stage.openai.journal
    assert [] == alive(stage)
