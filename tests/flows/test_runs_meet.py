"""Runs that meet: for one issue there is one branch, one pull request and one comment, whoever comes twice or moves it."""

import re
import signal
import threading

import pytest

from standins.openai import call, reply, say, stalled
from tests.flows.runs import alive, branches, own_comments, starting
from tests.projects import FIX, fix_script

APPLY = reply(call("apply_patch", patch=FIX))
COMMIT = reply(call("commit", message="Make add() add"))
NOTES = reply(call("save_content_to_file", path="notes.txt", content="Notes.\n"))
COMMIT_NOTES = reply(call("commit", message="Add notes"))
DONE = reply(say("Done."))
MORE = [NOTES, COMMIT_NOTES, DONE]


def subjects(stage, branch="ai-dev/issue-1"):
    return stage.repository.git("log", "--reverse", "--format=%s", f"main..{branch}").splitlines()


def claims(stage):
    return stage.repository.git("for-each-ref", "--format=%(refname)", "refs/ai-dev").split()


def assert_one_of_each(stage):
    """One branch, one pull request, one comment."""
    assert ["ai-dev/issue-1", "main"] == branches(stage)
    assert 1 == len(stage.repository.pulls)
    assert 1 == len(own_comments(stage))
    assert [] == alive(stage)


class Gate:
    """A step of the model that waits until the test lets it go on."""

    def __init__(self, step):
        self.step, self.reached, self.open = step, threading.Event(), threading.Event()

    def __call__(self, _):
        self.reached.set()
        assert self.open.wait(60)
        return self.step


def let_meet(stage, first, second):
    """Run two jobs at the same time: the second begins while the model of the first works. Gives both results."""
    gate = Gate(stage.openai._script[0])
    stage.openai._script[0] = gate
    with starting() as start:
        one = start(first)
        assert gate.reached.wait(30)
        two = start(second)
        before = len(stage.github.requests("GET", "/issues/1/comments$"))
        stage.github.wait_for("GET", "/issues/1/comments$", before + 2)
        gate.open.set()
        return one.wait(), two.wait()


def test_two_live_runs_take_turns(stage):
    """A run that meets another one on its issue waits for its end, then goes on with its branch."""
    stage.openai.play(*fix_script(), *MORE)

    first, second = let_meet(stage, stage.label(1), stage.comment(1, "/ai-dev Add notes."))

    assert ("opened", "updated") == (first.outputs["status"], second.outputs["status"])
    assert ["Make add() add", "Add notes"] == subjects(stage)
    assert "The run 9001 is at work on this issue." in second.log
    assert_one_of_each(stage)


def test_event_that_is_delivered_twice(stage):
    """Of two runs for one comment the second finds that all is done."""
    stage.openai.play(*fix_script())
    job = stage.comment(1, "/ai-dev fix it")
    again = stage.job(job.event_name, job.event)

    first, second = let_meet(stage, job, again)

    assert ("opened", "skipped", 0) == (first.outputs["status"], second.outputs["status"], second.exit_code)
    assert "A run for this event has ended well already" in second.log
    assert_one_of_each(stage)


def test_both_at_the_same_moment(stage):
    """When two runs see no other one, GitHub's answer to their claims decides."""
    stage.openai.play(*fix_script(), *MORE)
    stage.github.fail("POST", "/git/refs$", delay=1.0, after=True)
    with starting() as start:
        running = [start(stage.label(1)), start(stage.label(1))]
        results = [one.wait() for one in running]

    assert {"opened", "updated"} == {result.outputs["status"] for result in results}
    assert_one_of_each(stage)


def test_finished_job_is_run_again(stage, act):
    """A re-run of a job that ended well says so, asks nobody, changes nothing, and is no failure."""
    stage.openai.play(*fix_script())
    job = stage.label(1)
    act(job)
    act(job)
    before, asked = own_comments(stage), len(stage.openai.journal)
    again = stage.job(job.event_name, job.event, variables={"GITHUB_RUN_ID": "9001", **SECOND})

    result = act(again)

    assert (0, "skipped") == (result.exit_code, result.outputs["status"])
    assert "the comment on #1 says how" in result.log
    assert (before, asked) == (own_comments(stage), len(stage.openai.journal))
    assert_one_of_each(stage)


SECOND = {"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "octo"}


def kill_while_it_works(stage, *steps, job=None):
    """Kill a main step whose model has taken these steps; its post step never runs."""
    released, reached = threading.Event(), threading.Event()

    def fall_silent(_):
        reached.set()
        return stalled(released)

    stage.openai.play(*steps, fall_silent)
    job = job or stage.label(1)
    with starting() as start:
        running = start(job)
        assert reached.wait(30)
        running.end(signal.SIGKILL)
    released.set()
    return job


def run_again(stage, job):
    return stage.job(job.event_name, job.event, variables={"GITHUB_RUN_ID": "9001", **SECOND})


def test_killed_job_is_run_again(stage, act):
    """A re-run of a job whose machine died goes on with its branch and comment, and ends its sandbox."""
    job = kill_while_it_works(stage, APPLY, COMMIT)
    stage.openai.play(*MORE)

    result = act(run_again(stage, job))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert ["Make add() add", "Add notes"] == subjects(stage)
    assert_one_of_each(stage)


def test_run_after_one_that_nobody_closed(stage, act):
    """A run whose machine died keeps the issue only as long as it could have lived."""
    kill_while_it_works(stage, APPLY, COMMIT, job=stage.label(1, inputs={"max-minutes": "1"}))
    (comment,) = stage.repository.issues[1].comments
    comment.body = re.sub(r'"until":\d+', '"until":1', comment.body)  # as if that time were over
    stage.openai.play(*MORE)

    result = act(stage.comment(1, "/ai-dev go on"))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert ["Make add() add", "Add notes"] == subjects(stage)
    assert ["refs/ai-dev/claims/issue-1"] == claims(stage)


def test_claim_of_which_no_comment_tells(stage, act):
    """A claim whose run died before it said anything holds nobody up for long."""
    stage.repository.git("update-ref", "refs/ai-dev/claims/issue-1", "main")
    stage.openai.play(*fix_script())

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert "Another run is at work on this issue." in result.log
    assert ["refs/ai-dev/claims/issue-1"] == claims(stage)
    assert_one_of_each(stage)


def test_waiting_ends_with_the_time_of_the_run(stage, act):
    """A run that gets no turn in its time says so and what to do, and leaves the comment to the other one."""
    job = kill_while_it_works(stage, APPLY)
    before = own_comments(stage)

    result = act(stage.comment(1, "/ai-dev go on", inputs={"max-minutes": "1"}))

    assert (1, "stopped") == (result.exit_code, result.outputs["status"])
    assert "The run 9001 is at work on this issue." in result.log
    assert "`concurrency`" in result.log
    assert before == own_comments(stage)
    act(job)


def push_when_asked(stage, files, step):
    """A step of the model at which a person pushes to our branch."""

    def push(_):
        stage.repository.push("ai-dev/issue-1", files, message="By hand", author="octo")
        return step

    return push


def test_branch_that_others_moved(stage, act):
    """A commit goes on top of what people pushed meanwhile to other files, the model hears of it, and nothing is lost."""
    stage.openai.play(
        APPLY, COMMIT, NOTES, push_when_asked(stage, {"by-hand.txt": b"x\n"}, COMMIT_NOTES),
        reply(call("save_content_to_file", path="more.txt", content="More.\n")),
        reply(call("commit", message="Add more")), DONE,
    )  # fmt: skip

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert ["Make add() add", "By hand", "Add notes", "Add more"] == subjects(stage)
    assert {"by-hand.txt", "more.txt", "notes.txt"} <= set(
        stage.repository.git("ls-tree", "--name-only", "ai-dev/issue-1").split()
    )
    told = [
        item["output"] for item in stage.openai.conversations[-1]["input"] if item.get("type") == "function_call_output"
    ]
    assert any("Others have pushed to the branch meanwhile" in text and "by-hand.txt" in text for text in told)
    assert_one_of_each(stage)


@pytest.mark.parametrize("file", ["notes.txt", "Notes.txt", "notes.txt/x"])
def test_branch_that_others_moved_where_we_are(stage, act, file):
    """Where both touch a file the commit gets a branch of its own: theirs is not overwritten, ours is not lost."""
    stage.openai.play(APPLY, COMMIT, NOTES, push_when_asked(stage, {file: b"x\n"}, COMMIT_NOTES), DONE)

    result = act(stage.label(1))

    assert (0, "opened", "ai-dev/issue-1-2") == (
        result.exit_code,
        result.outputs["status"],
        result.outputs["branch"],
    )
    assert ["Make add() add", "By hand"] == subjects(stage)
    assert ["Make add() add", "Add notes"] == subjects(stage, "ai-dev/issue-1-2")


def test_pull_request_that_others_opened(stage, act):
    """One that somebody opens from our branch while the run works is the run's: it is told of, and left as it is."""

    def propose(_):
        stage.repository.add_pull(title="Mine", body="By hand.", user="octo", head="ai-dev/issue-1", base="main")
        return reply(call("make_pull_request", title="Make add() add", body="It subtracted."))

    stage.openai.play(APPLY, COMMIT, propose, DONE)

    result = act(stage.label(1))

    assert (0, "updated", "2") == (result.exit_code, result.outputs["status"], result.outputs["pull-request-number"])
    (pull,) = stage.repository.pulls.values()
    assert ("Mine", "By hand.") == (pull.title, pull.body)
    assert "@octo opened it, and its text was left as it is" in stage.openai.conversations[-1]["input"][-1]["output"]


def test_branch_that_others_deleted(stage, act):
    """A branch that is deleted while the run works comes back with all of the work, and gets a pull request."""

    def delete(_):
        stage.repository.git("update-ref", "-d", "refs/heads/ai-dev/issue-1")
        return COMMIT_NOTES

    stage.openai.play(APPLY, COMMIT, NOTES, delete, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert ["Make add() add", "Add notes"] == subjects(stage)
    assert_one_of_each(stage)


def test_push_of_which_the_run_did_not_hear(stage, act):
    """The post step of a run that was killed while it pushed goes on with what has arrived."""
    released = threading.Event()
    stage.github.fail("POST", "/git/refs$", hold=released, skip=1, after=True)
    stage.openai.play(APPLY, COMMIT)
    job = stage.label(1)
    with starting() as start:
        running = start(job)
        stage.github.wait_for("POST", "/git/refs$", 2)
        while "ai-dev/issue-1" not in branches(stage):
            pass
        running.end(signal.SIGKILL)
    released.set()

    post = act(job)

    assert 0 == post.exit_code
    assert ["Make add() add"] == subjects(stage)
    assert_one_of_each(stage)
