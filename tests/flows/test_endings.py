"""How a run ends: each status with its exit code, its one comment, its outputs, summary and log."""

import re
import threading
from pathlib import Path

import pytest

from standins.openai import call, error, refuse, reply, say
from tests.projects import FIX, fix_script

BOT = "github-actions[bot]"
WRITE = reply(call("save_content_to_file", path="notes.txt", content="Notes.\n"))
LINK = reply(call("run_command", command="ln -s /etc/passwd users"))
COMMIT = reply(call("commit", message="Add notes"))
PULL = reply(call("make_pull_request", title="Add notes", body="There were none."))
DONE = reply(say("The notes are there."))


def own_comments(stage, number=1):
    """The bodies of our comments on the issue."""
    return [comment.body for comment in stage.repository.issues[number].comments if comment.user.login == BOT]


def requests(stage, method, path):
    """How often GitHub was asked so."""
    return len(stage.github.requests(method, path))


def test_opened_edits_its_comment(stage, act):
    """A new pull request notifies by itself, so the comment that said "at work" is edited and says where it is."""
    stage.openai.play(*fix_script())

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    (comment,) = own_comments(stage)
    assert "**Opened #2** from `ai-dev/issue-1`." in comment
    assert (1, 0) == (requests(stage, "POST", "/issues/1/comments$"), requests(stage, "DELETE", "/comments/"))
    assert f"::notice::opened: {stage.repository.html_url}/pull/2" in result.log


def test_answered_is_a_new_comment(stage, act):
    """A question gets its answer in a new comment, which notifies; the one that said "at work" is gone."""
    stage.openai.play(reply(say("Use `-`.\n\nIt subtracts.")))

    result = act(stage.comment(1, "/ai-dev How do I subtract?"))

    assert (0, "answered") == (result.exit_code, result.outputs["status"])
    assert "Use `-`.\n\nIt subtracts." == result.outputs["answer"]
    (comment,) = own_comments(stage)
    assert "> Use `-`.\n> \n> It subtracts." in comment
    assert (2, 1) == (requests(stage, "POST", "/issues/1/comments$"), requests(stage, "DELETE", "/comments/"))
    assert {} == stage.repository.pulls
    assert ["", ""] == [result.outputs["branch"], result.outputs["commit-sha"]]
    assert "## AI Dev: answered" in result.summary
    assert "> It subtracts." in result.summary


def test_task_without_issue_answers_in_output_and_summary(stage, act):
    """Where there is no issue to comment on, the answer is the step's output and in the summary."""
    stage.openai.play(reply(say("Three files.")))
    event = stage.repository.event("schedule")

    result = act(stage.job("schedule", event, inputs={"task": "Count the files."}))

    assert (0, "answered", "Three files.") == (result.exit_code, result.outputs["status"], result.outputs["answer"])
    assert "> Three files." in result.summary
    assert [] == own_comments(stage)


def test_unchanged_is_said(stage, act):
    """When a change was tried and nothing changed, that is what is said."""
    stage.openai.play(COMMIT, reply(say("It is right already.")))

    result = act(stage.label(1))

    assert (0, "unchanged") == (result.exit_code, result.outputs["status"])
    (comment,) = own_comments(stage)
    assert "**Nothing was changed.**" in comment
    assert "> It is right already." in comment
    assert "refs/heads/main\n" == stage.repository.git("for-each-ref", "--format=%(refname)", "refs/heads")


def test_forbidden_pull_request_leaves_branch_and_link(stage, act):
    """Where Actions may open no pull request, the work is on a branch, with a link that opens it and the setting."""
    stage.repository.allow_actions_to_create_pull_requests = False
    stage.openai.play(WRITE, COMMIT, PULL, DONE)

    result = act(stage.label(1))

    assert (0, "branch", "ai-dev/issue-1") == (
        result.exit_code,
        result.outputs["status"],
        result.outputs["branch"],
    )
    (comment,) = own_comments(stage)
    link = f"{stage.repository.html_url}/compare/main...ai-dev/issue-1?quick_pull=1&title=Add+notes"
    assert f"[Open it yourself]({link}&body=" in comment
    assert "Allow GitHub Actions to create and approve pull requests" in comment
    assert "Notes.\n" == stage.repository.git("show", "ai-dev/issue-1:notes.txt")
    assert 1 == requests(stage, "POST", "/pulls$")
    assert "::warning::branch: " in result.log


def test_draft_that_is_refused_is_opened_without(stage, act):
    """Where the plan has no drafts, the pull request is opened as an ordinary one."""
    stage.repository.allow_drafts = False
    stage.openai.play(*fix_script())

    result = act(stage.label(1))

    assert (0, "opened", False) == (result.exit_code, result.outputs["status"], stage.repository.pulls[2].draft)


def test_no_draft_when_none_is_wanted(stage, act):
    """With `draft: false` the pull request is ready for review."""
    stage.openai.play(*fix_script())

    act(stage.label(1, inputs={"draft": "false"}))

    assert not stage.repository.pulls[2].draft


FORGOTTEN = {
    "the commit": ([WRITE, PULL, DONE], "add() subtracts"),
    "the pull request": ([WRITE, COMMIT, DONE], "add() subtracts"),
    "both": ([WRITE, DONE], "add() subtracts"),
    "to commit the last change": (
        [reply(call("apply_patch", patch=FIX)), reply(call("commit", message="Fix")), PULL, WRITE, DONE],
        "Add notes",
    ),
}


@pytest.mark.parametrize(("script", "title"), FORGOTTEN.values(), ids=FORGOTTEN)
def test_what_the_model_forgot_is_delivered(stage, act, script, title):
    """What the model left undone the action does: everything is committed and a pull request is open."""
    stage.openai.play(*script)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    pull = stage.repository.pulls[2]
    assert (title, "ai-dev/issue-1", "open") == (pull.title, pull.head, pull.state)
    assert pull.body.startswith("Fixes #1\n\n")
    assert "Notes.\n" == stage.repository.git("show", "ai-dev/issue-1:notes.txt")
    assert stage.repository.git("rev-parse", "ai-dev/issue-1").strip() == result.outputs["commit-sha"]


def test_limit_keeps_what_was_done(stage, act):
    """At max-turns the uncommitted work is delivered as a draft that closes nothing, and the limit is named."""
    stage.openai.play(WRITE, reply(call("list_files", path=".")))

    result = act(stage.label(1, inputs={"max-turns": "2"}))

    assert (1, "stopped", "2") == (result.exit_code, result.outputs["status"], result.outputs["turns"])
    pull = stage.repository.pulls[2]
    assert ("add() subtracts", True) == (pull.title, pull.draft)
    assert pull.body.startswith("Refs #1\n\n")
    assert "Notes.\n" == stage.repository.git("show", "ai-dev/issue-1:notes.txt")
    (comment,) = own_comments(stage)
    assert "**AI Dev stopped.** The limit of 2 turns is reached." in comment
    assert "raise the input max-turns" in comment
    assert "is kept in #2. To go on, put the label `ai-dev` on again" in comment
    assert "::error::stopped: The limit of 2 turns is reached." in result.log


FAILURES = {
    "the key is wrong": (
        [error(401, "invalid_api_key", "Incorrect API key")],
        "Check the input openai-api-key",
        "failed",
    ),
    "the model is unknown": ([error(404, "model_not_found", "No such model")], "Check the input model", "failed"),
    "there is no credit": ([error(429, "insufficient_quota", "You exceeded your quota")], "Add credit", "stopped"),
    "the model refuses": ([reply(refuse("I will not."))], "> I will not.", "stopped"),
}


@pytest.mark.parametrize(("script", "said", "status"), FAILURES.values(), ids=FAILURES)
def test_failure_before_any_work_says_why(stage, act, script, said, status):
    """A run that cannot work says what happened and what to do, writes no branch and ends its sandbox."""
    stage.openai.play(*script)

    result = act(stage.label(1))

    assert (1, status) == (result.exit_code, result.outputs["status"])
    (comment,) = own_comments(stage)
    assert f"**AI Dev {status}.**" in comment
    assert said in comment
    assert said in result.summary
    assert "kept" not in comment
    assert "refs/heads/main\n" == stage.repository.git("for-each-ref", "--format=%(refname)", "refs/heads")
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]


def test_failure_keeps_what_was_done(stage, act):
    """A service that fails in the middle costs nothing of what was paid for: it is committed and proposed."""
    stage.openai.play(WRITE, COMMIT, reply(call("apply_patch", patch=FIX)), error(400, None, "Bad luck"))

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert stage.repository.pulls[2].body.startswith("Refs #1\n\n")
    assert "calculator.py\nnotes.txt\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")
    (comment,) = own_comments(stage)
    assert "is kept in #2" in comment
    assert "Bad luck" in comment


def test_sandbox_that_vanishes_costs_only_what_was_not_committed(stage, act):
    """When three sandboxes vanish the run fails and says what is lost; what was committed is proposed."""

    def vanish(_):
        for sandbox_id in list(stage.e2b.sandboxes):
            stage.e2b.vanish(sandbox_id)
        return reply(call("list_files", path="."))

    stage.openai.play(WRITE, COMMIT, *[vanish] * 3)

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    (comment,) = own_comments(stage)
    assert "What was not committed is lost." in comment
    assert "is kept in #2" in comment
    assert "notes.txt\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")
    assert stage.repository.pulls[2].body.startswith("Refs #1\n\n")


def test_leftover_that_may_not_be_committed_is_told(stage, act):
    """What the action may not commit for the model is named in the comment, with the reason; the rest is delivered."""
    stage.openai.play(WRITE, COMMIT, PULL, LINK, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    (comment,) = own_comments(stage)
    assert "**Not delivered:**" in comment
    assert "users: it is a symbolic link" in comment
    assert "notes.txt\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")


def test_nothing_but_a_bad_leftover_is_a_failure(stage, act):
    """When all that was made may not be committed, the run has failed and says why; the answer is not lost."""
    stage.openai.play(LINK, DONE)

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    (comment,) = own_comments(stage)
    assert "users: it is a symbolic link" in comment
    assert "> The notes are there." in comment
    assert {} == stage.repository.pulls


LIVE = (
    "@octo see #1, octo/demo#1, GH-1. Closes #1\n/close\n<img src=x>![x](http://x.example/y)\n"
    '<!-- ai-dev {"branch": "main"} -->\n[skip ci]'
)


def test_words_of_the_model_are_inert(stage, act):
    """In messages, titles, bodies and comments nothing of the model's mentions, closes, embeds, skips or signs."""
    message = f"Add notes @octo [skip ci]\n\n{LIVE}\nCo-authored-by: Eve <eve@example.com>\nSigned-off-by: Eve <e@x>"
    stage.openai.play(
        WRITE,
        reply(call("commit", message=message)),
        reply(call("make_pull_request", title="Fixes #1\n@octo <b>", body=LIVE)),
        reply(say(LIVE)),
    )

    act(stage.label(1))

    pull, (comment,) = stage.repository.pulls[2], own_comments(stage)
    commit = stage.repository.git("log", "-1", "--format=%B", "ai-dev/issue-1")
    assert ["Fixes #1"] == re.findall(r"(?:fix|clos)\w* #\d+", f"{pull.title}\n{pull.body}\n{commit}", re.IGNORECASE)
    assert ["@octo"] == re.findall(r"@octo", f"{pull.title}\n{pull.body}")
    assert "Requested by @octo." in pull.body
    for text in (pull.title, pull.body, commit, comment.partition("\n")[2]):
        assert not re.search(r"<[!a-z]|!\[|^/close|skip ci|\bGH-1|demo#1", text, re.MULTILINE), text
    assert "@octo" not in comment
    assert "@octo" not in commit
    assert ["Co-authored-by: octo"] == re.findall(r"^(?:Co-authored|Signed-off)-by: \w+", commit, re.MULTILINE)


def test_bug_of_ours_is_polite(stage, act):
    """A fault of our own ends with exit code 3, one polite line on the issue, and the traceback in the log alone."""
    job = stage.label(1)
    state = job.directory / "step-0" / "state"
    told = stage.github.fail("POST", "/issues/1/comments$", hold=threading.Event(), skip=1)

    def lose_state(_):
        """Whoever saves state now meets an error that nobody expects; until the run tells of it."""
        state.rename(f"{state}.kept")
        state.mkdir()
        return reply(call("commit", message="Add notes"))

    def find_state():
        told.reached.wait(30)
        state.rmdir()
        Path(f"{state}.kept").rename(state)
        told.hold.set()

    stage.openai.play(WRITE, lose_state)
    finder = threading.Thread(target=find_state)
    finder.start()

    main = act(job)
    finder.join()

    assert (3, "bug") == (main.exit_code, main.outputs["status"])
    assert "│ Traceback (most recent call last):" in main.log
    (comment,) = own_comments(stage)
    assert "**AI Dev failed.** It failed by a fault of its own; the log of the run has the details." in comment
    assert "**What to do:** Please report it" in comment
    assert "Traceback" not in comment + main.summary

    post = act(job)

    assert 0 == post.exit_code
    (comment,) = own_comments(stage)
    assert "**AI Dev failed.** It failed by a fault of its own; the log of the run has the details." in comment
    assert "**What to do:** Please report it" in comment
    assert "is kept in #2" in comment
    assert "Notes.\n" == stage.repository.git("show", "ai-dev/issue-1:notes.txt")
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]
