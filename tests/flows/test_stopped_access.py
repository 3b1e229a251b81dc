"""Runs that may not go on to write: the label, the issue or the permission went away while the model worked."""

import signal
import threading
from pathlib import Path

import pytest

from standins.openai import call, reply, say
from standins.runner import spawn
from tests.projects import FIX, fix_script

APPLY = reply(call("apply_patch", patch=FIX))
COMMIT = reply(call("commit", message="Make add() add"))
PULL = reply(call("make_pull_request", title="Make add() add", body="It subtracted."))
DONE = reply(say("Done."))
PERMISSION = "/collaborators/[^/]+/permission$"


def take_the_label_off(stage):
    stage.repository.issues[1].labels.clear()


def rename_the_label(stage):
    stage.repository.issues[1].labels[:] = ["AI-Dev", "ai-dev-later"]


def close_the_issue(stage):
    stage.repository.issues[1].state = "closed"


def revoke_the_permission(stage):
    stage.repository.permissions["octo"] = "read"


def lose_the_permission_api(stage):
    stage.github.fail("GET", PERMISSION, status=200, body="<html>Welcome</html>", times=None)


def lose_the_issue(stage):
    stage.github.fail("GET", "/issues/1$", status=404, times=None)


def speak_of_another_issue(stage):
    stage.github.fail("GET", "/issues/1$", status=200, body={"number": 2, "state": "open"}, times=None)


def say_no_state(stage):
    body = {"number": 1, "labels": [{"name": "ai-dev"}]}
    stage.github.fail("GET", "/issues/1$", status=200, body=body, times=None)


CHANGES = {
    take_the_label_off: "The label ai-dev is not on issue #1 any more.",
    rename_the_label: "The label ai-dev is not on issue #1 any more.",
    close_the_issue: "Issue #1 is not open any more.",
    revoke_the_permission: "@octo has no write access here.",
    lose_the_permission_api: "GitHub did not say what @octo may do.",
    lose_the_issue: "GitHub did not say how issue #1 is.",
    speak_of_another_issue: "GitHub's answer about issue #1 is about another one.",
    say_no_state: "Issue #1 is not open any more.",
}


def after(stage, change, step):
    """The step, before which this change happens."""

    def play(_):
        change(stage)
        return step

    return play


def branches(stage):
    return stage.repository.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split()


def own_comment(stage):
    """What our one comment says, as it reads."""
    (comment,) = [c for c in stage.repository.issues[1].comments if c.user.login == "github-actions[bot]"]
    return comment.body.replace("\u200b", "")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_nothing_is_pushed(stage, act, change):
    """What is no clear yes before the first push is a no: no object, no branch; the comment that is there says why."""
    stage.openai.play(APPLY, after(stage, change, COMMIT))

    result = act(stage.label(1))

    assert (0, "refused", "") == (result.exit_code, result.outputs["status"], result.outputs["branch"])
    assert ["main"] == branches(stage)
    assert [] == stage.github.requests("POST", "/git/(trees|commits)|/pulls")
    assert f"**AI Dev refused.** {CHANGES[change]} So the run was stopped, and nothing more is pushed." in own_comment(
        stage
    )
    assert "at work" not in own_comment(stage)
    assert "What was pushed" not in own_comment(stage)
    assert 1 == len(stage.github.requests("POST", "/issues/1/comments$"))
    assert CHANGES[change] in result.log
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]


@pytest.mark.parametrize("script", [[APPLY, DONE], [APPLY, reply(call("run_command", command="exit 1")), DONE]])
def test_what_the_model_left_is_not_pushed_either(stage, act, script):
    """The action commits nothing in the model's place when the run may not write any more."""
    stage.openai.play(*script[:-1], after(stage, close_the_issue, script[-1]))

    result = act(stage.label(1))

    assert (0, "refused") == (result.exit_code, result.outputs["status"])
    assert ["main"] == branches(stage)
    assert "Issue #1 is not open any more." in own_comment(stage)


@pytest.mark.parametrize("change", [take_the_label_off, close_the_issue], ids=lambda change: change.__name__)
def test_no_pull_request_is_opened(stage, act, change):
    """Asked again before the pull request: what is pushed stays on the branch, the comment says so, and no more."""
    stage.openai.play(APPLY, COMMIT, after(stage, change, PULL))

    result = act(stage.label(1))

    assert (0, "refused", "ai-dev/issue-1") == (result.exit_code, result.outputs["status"], result.outputs["branch"])
    assert {} == stage.repository.pulls
    assert CHANGES[change] in own_comment(stage)
    assert "What was pushed before is on the branch `ai-dev/issue-1`." in own_comment(stage)


def test_open_pull_request_is_left_as_it_is(stage, act):
    """A second run that may not write any more changes neither title nor text of the pull request that is open."""
    stage.openai.play(*fix_script(), after(stage, close_the_issue, PULL))
    act(stage.label(1))
    pull = stage.repository.pulls[2]
    before = (pull.title, pull.body)

    result = act(stage.comment(1, "/ai-dev Say it better."))

    assert (0, "refused") == (result.exit_code, result.outputs["status"])
    assert before == (pull.title, pull.body)


def test_label_matters_only_where_it_started_the_run(stage, act):
    """A run that a comment began goes on without the label."""
    stage.openai.play(*fix_script())

    result = act(stage.comment(1, "/ai-dev Do it."))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])


def test_whoever_runs_it_again_is_asked_for_again(stage, act):
    """On a re-run both must still be allowed when the run writes."""
    stage.github.add_user("ada")
    stage.repository.permissions["ada"] = "write"
    variables = {"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "ada"}

    def revoke(stage):
        stage.repository.permissions["ada"] = "triage"

    stage.openai.play(APPLY, after(stage, revoke, COMMIT))

    result = act(stage.label(1, variables=variables))

    assert (0, "refused") == (result.exit_code, result.outputs["status"])
    assert ["main"] == branches(stage)
    assert "@ada has no write access here." in own_comment(stage)


def test_task_of_a_schedule_needs_no_person(stage, act):
    """Where the workflow is the authority, there is nobody and no issue to ask for again."""
    stage.openai.play(*fix_script())
    job = stage.job("schedule", stage.repository.event("schedule"), inputs={"task": "Fix add()."})

    result = act(job)

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert [] == stage.github.requests("GET", f"{PERMISSION}|/issues/")


def test_answer_asks_no_more(stage, act):
    """A run that writes nothing to the repository is not asked again whether it may."""
    stage.openai.play(after(stage, close_the_issue, reply(say("It is so by design."))))

    result = act(stage.label(1))

    assert (0, "answered") == (result.exit_code, result.outputs["status"])
    assert 1 == len(stage.github.requests("GET", PERMISSION))
    assert [] == stage.github.requests("GET", "/issues/1$")


def test_post_step_asks_too(stage, act):
    """What a killed run left is not delivered when the label is gone meanwhile, and the comment says so."""
    begun = threading.Event()
    stage.e2b.on_command("sleep 300", lambda _: begun.set())
    stage.openai.play(APPLY, reply(call("run_command", command="sleep 300")))
    job = stage.label(1)
    environ = job.environ()
    log = Path(environ["GITHUB_STATE"]).parent / "log"
    with log.open("wb") as file:
        process = spawn(environ, file)
    assert begun.wait(30)
    process.send_signal(signal.SIGKILL)
    job.collect(process.wait(30), log)
    take_the_label_off(stage)

    post = act(job)

    assert 0 == post.exit_code
    assert ["main"] == branches(stage)
    assert {} == stage.repository.pulls
    assert "**AI Dev refused.** The label ai-dev is not on issue #1 any more." in own_comment(stage)
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]
