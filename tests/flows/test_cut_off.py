"""Runs that are cancelled or killed: the main step says so at once if it can, the post step delivers what was done."""

import signal
import threading

import pytest

from standins.openai import call, reply, say, stalled
from tests.flows.runs import alive, branches, own_comments, starting, until
from tests.projects import FIX, fix_script

HELD = 60.0
"""Seconds for which a stand-in holds an answer back: a run that waits for it takes as long; else it takes about one."""
APPLY = reply(call("apply_patch", patch=FIX))
COMMIT = reply(call("commit", message="Make add() add"))
PULL = reply(call("make_pull_request", title="Make add() add", body="It subtracted."))
DONE = reply(say("Done."))


@pytest.fixture
def start():
    """Starts main steps; none outlives the test."""
    with starting() as begin:
        yield begin


@pytest.fixture
def released():
    """An event that is set when the test is over: what the stand-ins hold back goes on."""
    event = threading.Event()
    yield event
    event.set()


def in_a_silent_command(stage, start, _):
    begun = threading.Event()
    stage.e2b.on_command("sleep 300", lambda _: begun.set())
    stage.openai.play(APPLY, reply(call("run_command", command="sleep 300")))
    running = start(stage.label(1))
    assert begun.wait(30)
    return running


def while_the_model_streams(stage, start, released, *steps):
    """A run whose model has taken these steps and then begins an answer that does not end."""
    begun = threading.Event()

    def fall_silent(_):
        begun.set()
        return stalled(released)

    stage.openai.play(*(steps or [APPLY]), fall_silent)
    running = start(stage.label(1))
    assert begun.wait(30)
    return running


def assert_delivered(stage):
    """The patch is on the branch and in a draft that closes nothing; no sandbox lives."""
    assert "calculator.py\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")
    (pull,) = stage.repository.pulls.values()
    assert ("ai-dev/issue-1", True, "add() subtracts") == (pull.head, pull.draft, pull.title)
    assert pull.body.startswith("Refs #1\n")
    assert [] == alive(stage)


CANCELLED = {
    "SIGINT in a silent command": (signal.SIGINT, in_a_silent_command),
    "SIGTERM in a silent command": (signal.SIGTERM, in_a_silent_command),
    "SIGINT while the model streams": (signal.SIGINT, while_the_model_streams),
    "SIGTERM while the model streams": (signal.SIGTERM, while_the_model_streams),
}


@pytest.mark.parametrize("case", CANCELLED.values(), ids=CANCELLED)
def test_cancelled_run_says_so_and_loses_nothing(stage, act, start, released, case):
    """A signal ends the run at once with a true comment; the post step delivers what was uncommitted."""
    number, moment = case
    running = moment(stage, start, released)

    main = running.end(number)

    assert (130, "cancelled") == (main.exit_code, main.outputs["status"])
    assert main.seconds < HELD / 2
    (comment,) = own_comments(stage)
    assert (
        "**AI Dev cancelled.** GitHub ended the run at the step “Work on ai-dev/issue-1, for main”, turn 2" in comment
    )
    assert "at work" not in comment
    assert "## AI Dev: cancelled" in main.summary

    post = act(running.job)

    assert 0 == post.exit_code
    assert_delivered(stage)
    (comment,) = own_comments(stage)
    assert "**AI Dev cancelled.**" in comment
    assert "What was done so far is kept in #2. To go on, put the label `ai-dev` on again" in comment
    assert "killed" not in comment + stage.repository.pulls[2].body


def test_cancelled_during_the_fetch(stage, act, start, released):
    """A run that is cancelled before the model was asked says so, and leaves no branch and no sandbox."""
    stage.github.fail("POST", "/git-upload-pack$", hold=released, skip=1)
    running = start(stage.label(1))
    stage.github.wait_for("POST", "/git-upload-pack$", 2)
    until(lambda: own_comments(stage))
    until(lambda: stage.e2b.sandboxes)

    main, post = running.end(signal.SIGINT), act(running.job)

    assert (130, "cancelled", 0) == (main.exit_code, main.outputs["status"], post.exit_code)
    assert main.seconds < HELD / 2
    (comment,) = own_comments(stage)
    assert "**AI Dev cancelled.**" in comment
    assert ["main"] == branches(stage)
    assert [] == alive(stage)


def test_cancelled_while_the_comment_is_posted(stage, act, start, released):
    """When GitHub is silent at that moment the run ends in time all the same; the post step finds the comment."""
    stage.github.fail("POST", "/issues/1/comments$", hold=released)
    running = start(stage.label(1))
    until(lambda: own_comments(stage))

    main, post = running.end(signal.SIGINT), act(running.job)

    assert (130, 0) == (main.exit_code, post.exit_code)
    assert main.seconds < HELD / 2
    (comment,) = own_comments(stage)
    assert "**AI Dev cancelled.**" in comment
    assert [] == alive(stage)


KILLED = {"in a silent command": in_a_silent_command, "while the model streams": while_the_model_streams}


@pytest.mark.parametrize("moment", KILLED.values(), ids=KILLED)
def test_killed_run_is_ended_by_the_post_step(stage, act, start, released, moment):
    """What a killed run left uncommitted is delivered, the comment says that it was cut off, the sandbox is dead."""
    running = moment(stage, start, released)

    main, post = running.end(signal.SIGKILL), act(running.job)

    assert (-9, 0) == (main.exit_code, post.exit_code)
    assert_delivered(stage)
    (comment,) = own_comments(stage)
    assert "**AI Dev failed.** The run was cut off: it was killed, or ran out of memory or time." in comment
    assert "**What to do:** See at the end of its log what ended it" in comment
    assert "kept in #2" in comment
    assert "::error::failed: The run was cut off" in post.log


def test_killed_after_the_pull_request(stage, act, start, released):
    """What a killed run had proposed keeps its title and body; what it had not committed is added."""
    more = reply(call("save_content_to_file", path="notes.txt", content="Notes.\n"))
    running = while_the_model_streams(stage, start, released, APPLY, COMMIT, PULL, more)

    running.end(signal.SIGKILL)
    act(running.job)

    (pull,) = stage.repository.pulls.values()
    assert ("Make add() add", "open") == (pull.title, pull.state)
    assert "It subtracted." in pull.body
    assert "calculator.py\nnotes.txt\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")
    assert ["ai-dev/issue-1", "main"] == branches(stage)


def test_killed_during_the_fetch(stage, act, start, released):
    """A run that is killed before the model was asked is closed honestly; there is nothing to deliver."""
    stage.github.fail("POST", "/git-upload-pack$", hold=released, skip=1)
    running = start(stage.label(1))
    stage.github.wait_for("POST", "/git-upload-pack$", 2)
    until(lambda: own_comments(stage))
    until(lambda: stage.e2b.sandboxes)

    running.end(signal.SIGKILL)
    post = act(running.job)

    assert 0 == post.exit_code
    (comment,) = own_comments(stage)
    assert "**AI Dev failed.** The run was cut off" in comment
    assert ["main"] == branches(stage)
    assert [] == alive(stage)


def test_killed_before_the_sandbox_exists(stage, act, start, released):
    """Without a sandbox the post step only closes the comment."""
    stage.e2b.fail("POST", "/sandboxes$", hold=released, drop=True)
    running = start(stage.label(1))
    stage.e2b.wait_for("POST", "/sandboxes$")
    until(lambda: own_comments(stage))

    running.end(signal.SIGKILL)
    post = act(running.job)

    assert 0 == post.exit_code
    (comment,) = own_comments(stage)
    assert "**AI Dev failed.** The run was cut off" in comment
    assert {} == stage.e2b.sandboxes


def test_killed_before_the_sandbox_is_known(stage, act, start, released):
    """A sandbox whose name never reached the run is found and ended all the same."""
    stage.e2b.fail("POST", "/sandboxes$", hold=released)
    running = start(stage.label(1))
    until(lambda: stage.e2b.sandboxes)

    running.end(signal.SIGKILL)
    act(running.job)

    assert 1 == len(stage.e2b.sandboxes)
    assert [] == alive(stage)


def test_killed_at_once(stage, act, start):
    """A run that is killed while Python still imports is not begun by the post step."""
    running = start(stage.label(1))
    until(lambda: (running.log.parent / "state").stat().st_size)

    running.end(signal.SIGKILL)
    post = act(running.job)

    assert 0 == post.exit_code
    assert "The run was cut off" in post.log
    assert [] == own_comments(stage)
    assert [] == stage.openai.conversations
    assert {} == stage.e2b.sandboxes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cancelled_at_once(stage, act, start, number):
    """A signal while Python still imports ends the run in order; the post step finds nothing to do and says so."""
    running = start(stage.label(1))
    until(lambda: (running.log.parent / "state").stat().st_size)

    main, post = running.end(number), act(running.job)

    assert (130, "cancelled", 0) == (main.exit_code, main.outputs["status"], post.exit_code)
    assert "Traceback" not in main.log
    assert "cancelled: " in main.log
    assert "cancelled: GitHub ended the run" in post.log
    assert [] == own_comments(stage)
    assert [] == stage.openai.conversations


def test_cancelled_worker_asks_for_nothing_more(stage, start, released):
    """While a cancelled run says good-bye, its worker neither asks the model again nor commits."""
    begun, ended = threading.Event(), threading.Event()

    def hold(_):
        begun.set()
        ended.wait(30)
        return APPLY

    stage.openai.play(hold, COMMIT)
    stage.github.fail("PATCH", "/issues/comments/", hold=released)
    running = start(stage.label(1))
    assert begun.wait(30)
    running.process.send_signal(signal.SIGINT)
    stage.github.wait_for("PATCH", "/issues/comments/")
    ended.set()

    main = running.end(signal.SIGTERM)

    assert 130 == main.exit_code
    assert 1 == len(stage.openai.journal)
    assert ["main"] == branches(stage)


def test_post_step_after_an_ordinary_run(stage, act):
    """After a run that ended itself the post step asks for the end of the sandbox, and for nothing else."""
    stage.openai.play(*fix_script())
    job = stage.label(1)
    act(job)
    before = (len(stage.github.journal), len(stage.openai.journal), len(stage.e2b.journal))

    post = act(job)

    assert (0, {}, "") == (post.exit_code, post.outputs, post.summary)
    assert before[:2] == (len(stage.github.journal), len(stage.openai.journal))
    assert ["DELETE"] == [sent.method for sent in stage.e2b.journal[before[2] :]]


def test_post_step_ends_a_sandbox_that_outlived_the_run(stage, act):
    """A sandbox that the main step could not end is ended by the post step."""
    stage.e2b.fail("DELETE", "/sandboxes/", status=500, times=1)
    stage.openai.play(*fix_script())
    job = stage.label(1)
    main = act(job)
    left = alive(stage)

    act(job)

    assert (0, "opened", 1) == (main.exit_code, main.outputs["status"], len(left))
    assert "::warning::The sandbox may live on until its time is up" in main.log
    assert [] == alive(stage)


def test_post_step_asks_again_for_the_end_of_the_sandbox(stage, act, start, released):
    """When E2B falters the sandbox ends all the same, and the comment tells how the run ended, not of that."""
    stage.e2b.fail("DELETE", "/sandboxes/", status=500)
    running = while_the_model_streams(stage, start, released)
    running.end(signal.SIGINT)

    post = act(running.job)

    assert 0 == post.exit_code
    assert_delivered(stage)
    (comment,) = own_comments(stage)
    assert "**AI Dev cancelled.**" in comment


def test_post_step_that_github_does_not_hear_ends_the_sandbox(stage, act, start, released):
    """Where the comment of the run cannot be looked for, its sandbox ends all the same."""
    stage.github.fail("POST", "/issues/1/comments$", hold=released)
    running = start(stage.label(1))
    until(lambda: own_comments(stage) and alive(stage))
    running.end(signal.SIGKILL)
    stage.github.fail("", "", status=401, body={"message": "Bad credentials"}, times=None)

    post = act(running.job)

    assert 0 == post.exit_code
    assert [] == alive(stage)


def test_post_step_that_cannot_list_sandboxes(stage, act, start, released):
    """What was done is delivered from the sandbox that the run knew."""
    running = while_the_model_streams(stage, start, released)
    running.end(signal.SIGKILL)
    stage.e2b.fail("GET", "/v2/sandboxes$", status=403, body={"code": 403, "message": "no"}, times=None)

    post = act(running.job)

    assert 0 == post.exit_code
    assert_delivered(stage)


def test_sandbox_that_vanished_with_the_run(stage, act, start, released):
    """When the sandbox is gone too, the comment says what is lost; what was committed is proposed."""
    more = reply(call("save_content_to_file", path="notes.txt", content="Notes.\n"))
    running = while_the_model_streams(stage, start, released, APPLY, COMMIT, more)
    running.end(signal.SIGKILL)
    stage.e2b.vanish(alive(stage)[0])

    post = act(running.job)

    assert 0 == post.exit_code
    (comment,) = own_comments(stage)
    assert "The sandbox is gone; what was not committed is lost." in comment
    assert "kept in #2" in comment
    assert_delivered(stage)


def test_sandbox_that_is_not_reached_at_once(stage, act, start, released):
    """The post step connects again when E2B falters."""
    running = while_the_model_streams(stage, start, released)
    running.end(signal.SIGKILL)
    stage.e2b.fail("POST", "/connect$", status=500)

    act(running.job)

    assert_delivered(stage)


def test_sandbox_that_the_post_step_may_not_reach(stage, act, start, released):
    """What was committed is proposed, and the comment says what is lost, and why."""
    running = while_the_model_streams(stage, start, released, APPLY, COMMIT)
    running.end(signal.SIGKILL)
    stage.e2b.fail("POST", "/connect$", status=401, body={"code": 401, "message": "no"}, times=None)

    act(running.job)

    assert_delivered(stage)
    (comment,) = own_comments(stage)
    assert "The run was cut off" in comment
    assert "E2B could not connect to the sandbox (401)." in comment
    assert "What was not committed is lost." in comment


@pytest.mark.parametrize("path", ["/pulls$", "/git/ref/"], ids=["pull request", "commit on its way"])
def test_post_step_that_cannot_read_keeps_a_patch(stage, act, start, released, path):
    """Where GitHub does not say what is on the branch, what is not committed is in the summary, and the comment says so."""
    notes = reply(call("save_content_to_file", path="notes.txt", content="Notes.\n"))
    if path == "/pulls$":
        running = while_the_model_streams(stage, start, released, APPLY, COMMIT, notes)
    else:
        stage.openai.play(notes, COMMIT)
        pushing = stage.github.fail("POST", "/git/refs$", hold=released, drop=True, skip=1)
        running = start(stage.label(1))
        assert pushing.reached.wait(30)
    running.end(signal.SIGKILL)
    stage.github.fail("GET", path, status=401, body={"message": "Bad credentials"}, times=None)

    post = act(running.job)

    assert 0 == post.exit_code
    assert "+Notes.\n" in post.summary
    (comment,) = own_comments(stage)
    assert "The run was cut off" in comment
    assert "(401). Bad credentials" in comment
    assert "What passed the checks and is not on GitHub is in the summary" in comment
    assert [] == alive(stage)


def test_post_step_that_does_not_find_the_comment_delivers(stage, act, start, released):
    """What was done is on the branch, though the comment cannot be looked for."""
    stage.github.fail("POST", "/issues/1/comments$", hold=released)
    running = while_the_model_streams(stage, start, released)
    running.end(signal.SIGKILL)
    stage.github.fail("POST", "/graphql$", status=403, body={"message": "no"}, times=None)

    act(running.job)

    assert_delivered(stage)


def test_refusal_in_the_post_step_is_told(stage, act, start, released):
    """What the post step may not commit is named with the reason, and not committed."""
    link = reply(call("run_command", command="ln -s /etc/passwd users"))
    running = while_the_model_streams(stage, start, released, APPLY, COMMIT, link)
    running.end(signal.SIGKILL)

    post = act(running.job)

    assert 0 == post.exit_code
    (comment,) = own_comments(stage)
    assert "**Not delivered:**" in comment
    assert "users: it is a symbolic link" in comment
    assert_delivered(stage)


def test_post_step_that_cannot_deliver_ends_the_sandbox(stage, act, start, released):
    """When GitHub takes nothing, the comment says why, and the sandbox costs nothing more."""
    running = while_the_model_streams(stage, start, released, APPLY)
    running.end(signal.SIGKILL)
    stage.github.fail("POST", "/git/trees$", status=403, body={"message": "Repository was archived so is read-only."})

    post = act(running.job)

    assert 0 == post.exit_code
    (comment,) = own_comments(stage)
    assert "GitHub could not store the changed files (403)." in comment
    assert ["main"] == branches(stage)
    assert [] == alive(stage)
