"""The rehearsal: the model works as ever, nothing is written to GitHub, the summary shows what would have been."""

import signal
import threading
from pathlib import Path

import pytest

from standins.openai import call, reply, say, stalled
from standins.runner import spawn
from tests.projects import FIX, fix_script

DRY = {"dry-run": "true"}


@pytest.fixture
def untouched(stage):
    """Sees to it that GitHub was only read, and that its branches, thread and pull requests are as they were."""
    yield
    reading = ("/git-upload-pack", "/graphql")
    assert [] == [
        f"{sent.method} {sent.path}"
        for sent in stage.github.journal
        if sent.method != "GET" and not sent.path.endswith(reading)
    ]
    assert "refs/heads/main\n" == stage.repository.git("for-each-ref", "--format=%(refname)")
    assert ([], []) == (stage.repository.issues[1].comments, stage.repository.issues[1].reactions)
    assert {} == stage.repository.pulls


@pytest.fixture
def released():
    """An event that is set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def assert_no_outputs_of_delivery(result):
    """No branch, commit or pull request is named: a later step of the job would look for it."""
    names = ("branch", "commit-sha", "pull-request-number", "pull-request-url")
    assert dict.fromkeys(names, "") == {name: result.outputs[name] for name in names}


@pytest.mark.usefixtures("untouched")
def test_rehearsal_shows_what_would_be_written(stage, act):
    """The summary shows the commit's message, the pull request's title and body, and the diff."""
    stage.openai.play(*fix_script())

    result = act(stage.label(1, inputs=DRY))

    assert (0, "unchanged") == (result.exit_code, result.outputs["status"])
    assert "nothing was written to GitHub" in result.summary
    assert "> add() adds now." in result.summary
    assert "### Commit\n\n```\nMake add() add\n\nIt subtracted.\n\nAI-Dev-Run: " in result.summary
    assert "Co-authored-by: octo <" in result.summary
    title = "### Pull request from ai-dev/issue-1 to main\n\n```\nMake add() add\n\nFixes #1\n\n`add` subtracted;"
    assert title in result.summary
    assert "-    return a - b\n+    return a + b\n" in result.summary
    assert_no_outputs_of_delivery(result)
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]


@pytest.mark.usefixtures("untouched")
def test_rehearsal_shows_what_the_model_forgot(stage, act):
    """What the action would commit and propose by itself is shown as well."""
    stage.openai.play(reply(call("apply_patch", patch=FIX)), reply(say("Done.")))

    result = act(stage.label(1, inputs=DRY))

    assert "### Commit\n\n```\nadd() subtracts\n" in result.summary
    assert "### Pull request from ai-dev/issue-1 to main\n\n```\nadd() subtracts\n" in result.summary
    assert "+    return a + b\n" in result.summary


@pytest.mark.usefixtures("untouched")
def test_rehearsal_of_several_commits(stage, act):
    """Each commit holds what changed since the one before; the diff is of all of them."""
    notes = reply(call("save_content_to_file", path="notes.txt", content="Notes.\n"))
    stage.openai.play(*fix_script()[:3], notes, reply(call("commit", message="Add notes")), reply(say("Done.")))

    result = act(stage.label(1, inputs=DRY))

    assert 2 == result.summary.count("### Commit\n")
    assert 1 == result.summary.count("### Diff\n")
    assert "+    return a + b\n" in result.summary
    assert "+Notes.\n" in result.summary


@pytest.mark.usefixtures("untouched")
def test_rehearsal_of_an_answer(stage, act):
    """An answer is in the output and in the summary, not on the issue."""
    stage.openai.play(reply(say("Because it subtracts.")))

    result = act(stage.label(1, inputs=DRY))

    assert (0, "Because it subtracts.") == (result.exit_code, result.outputs["answer"])
    assert "> Because it subtracts." in result.summary


@pytest.mark.usefixtures("untouched")
def test_rehearsal_that_meets_a_limit(stage, act):
    """A rehearsal that is stopped shows what it had, and claims nothing that is kept."""
    stage.openai.play(*fix_script()[:3])

    result = act(stage.label(1, inputs={**DRY, "max-turns": "3"}))

    assert (1, "stopped") == (result.exit_code, result.outputs["status"])
    assert "+    return a + b\n" in result.summary
    assert "Without `dry-run` GitHub would have got:" in result.summary
    assert "is kept" not in result.summary
    assert_no_outputs_of_delivery(result)


@pytest.mark.usefixtures("untouched")
def test_diff_cannot_leave_its_block(stage, act):
    """A file with a fence in it does not end the block that shows it."""
    content = "```\n# Heading\n````\n"
    stage.openai.play(
        reply(call("save_content_to_file", path="a.md", content=content)),
        reply(call("commit", message="Add a.md")),
        reply(say("Done.")),
    )

    result = act(stage.label(1, inputs=DRY))

    diff = result.summary.partition("### Diff\n\n")[2]
    assert diff.startswith("`````\ndiff --git")
    assert "+# Heading\n+````\n`````" in diff


@pytest.mark.usefixtures("untouched")
def test_rehearsal_that_was_killed(stage, act, released):
    """The post step of a rehearsal writes nothing either, and ends the sandbox."""
    begun = threading.Event()

    def fall_silent(_):
        begun.set()
        return stalled(released)

    stage.openai.play(reply(call("apply_patch", patch=FIX)), fall_silent)
    job = stage.label(1, inputs=DRY)
    environ = job.environ()
    log = Path(environ["GITHUB_STATE"]).parent / "log"
    with log.open("wb") as file:
        process = spawn(environ, file)
    try:
        assert begun.wait(30)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    job.collect(-9, log)

    post = act(job)

    assert 0 == post.exit_code
    assert "The run was cut off" in post.summary
    assert "is kept" not in post.summary
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]


@pytest.mark.usefixtures("untouched")
def test_rehearsal_that_cannot_go_on(stage, act):
    """A new sandbox that does not take what was committed ends the run with words, and the summary shows it."""

    def die(_):
        for sandbox in stage.e2b.sandboxes.values():
            stage.e2b.vanish(sandbox.id)
        stage.e2b.fail("POST", "/files", status=500, body={"code": 500, "message": "no"}, skip=1)
        return reply(call("run_command", command="true"))

    stage.openai.play(
        reply(call("apply_patch", patch=FIX)), reply(call("commit", message="Make add() add")), die,
    )  # fmt: skip

    result = act(stage.label(1, inputs=DRY))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "What the rehearsal had committed could not be put into a new sandbox." in result.summary


def test_rehearsal_beside_an_open_pull_request(stage, act):
    """A rehearsal for an issue that has a pull request starts from its branch and leaves both as they are."""
    stage.openai.play(
        *fix_script(),
        reply(call("save_content_to_file", path="notes.txt", content="Notes.\n")),
        reply(call("commit", message="Add notes")),
        reply(call("make_pull_request", title="Another title", body="Another body.")),
        reply(say("Done.")),
    )
    act(stage.label(1))
    refs, body = stage.repository.git("for-each-ref"), stage.repository.pulls[2].body
    (comment,) = stage.repository.issues[1].comments
    text = comment.body

    result = act(stage.comment(1, "/ai-dev Add notes.", inputs=DRY))

    assert (0, "unchanged") == (result.exit_code, result.outputs["status"])
    assert "+Notes.\n" in result.summary
    assert "a + b" not in result.summary
    assert (refs, body) == (stage.repository.git("for-each-ref"), stage.repository.pulls[2].body)
    assert text == stage.repository.issues[1].comments[0].body
    assert_no_outputs_of_delivery(result)
