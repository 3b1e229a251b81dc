"""Sandboxes that die while the model works: another one takes the place, and the work goes on."""

import threading

import pytest

from standins.openai import call, reply, say
from tests.flows.runs import alive, branches, own_comments
from tests.projects import FIX

APPLY = reply(call("apply_patch", patch=FIX))
COMMIT = reply(call("commit", message="Make add() add"))
NOTES = reply(call("save_content_to_file", path="notes.txt", content="Notes.\n"))
LOOK = reply(call("run_command", command="git status --short; git log --format=%s; cat calculator.py"))
COMMIT_NOTES = reply(call("commit", message="Add notes"))
DONE = reply(say("Done."))


def vanish_all(stage):
    for sandbox_id in alive(stage):
        stage.e2b.vanish(sandbox_id)


def dying(stage, step):
    """A step of the model before which the sandbox dies."""

    def play(_):
        vanish_all(stage)
        return step

    return play


def answers(stage):
    """What the tools answered, in order."""
    items = stage.openai.conversations[-1]["input"]
    return [item["output"] for item in items if item.get("type") == "function_call_output"]


def test_sandbox_that_dies_is_replaced(stage, act):
    """The model goes on in a new sandbox that has its uncommitted edits, and is told what is gone and what is unknown."""
    stage.openai.play(APPLY, LOOK, dying(stage, LOOK), LOOK, COMMIT, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    _, _, died, seen, *_ = answers(stage)
    assert "Whether this call did what it should is unknown. You have a new sandbox" in died
    assert "(calculator.py)" in died
    assert " M calculator.py\n" in seen
    assert "return a + b" in seen
    assert "::warning::The sandbox failed" in result.log
    assert 2 == len(stage.e2b.sandboxes)
    assert [] == alive(stage)
    assert "return a + b" in stage.repository.git("show", "ai-dev/issue-1:calculator.py")


def test_new_sandbox_has_what_was_committed(stage, act):
    """It starts from the last commit, on our branch, with a clean status."""
    stage.openai.play(APPLY, COMMIT, dying(stage, NOTES), LOOK, NOTES, COMMIT_NOTES, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    seen = answers(stage)[3]
    assert "Make add() add\n" in seen
    assert " M " not in seen
    log = stage.repository.git("log", "--reverse", "--format=%s", "main..ai-dev/issue-1").splitlines()
    assert ["Make add() add", "Add notes"] == log


def test_sandboxes_are_replaced_twice(stage, act):
    """The third that dies ends the run; what was copied before is committed from the runner, and nothing is left alive."""
    stage.openai.play(APPLY, LOOK, *[dying(stage, LOOK)] * 3)

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert 3 == len(stage.e2b.sandboxes)
    assert [] == alive(stage)
    assert "return a + b" in stage.repository.git("show", "ai-dev/issue-1:calculator.py")
    (comment,) = own_comments(stage)
    assert "was changed after" in comment
    assert "kept in #2" in comment


def test_set_up_runs_again_in_the_new_sandbox(set_stage, act):
    """What the repository's set-up commands made is there again."""
    configuration = "setup:\n  - run: echo ready > ~/marker\n"
    stage = set_stage({"calculator.py": "x = 1\n", ".github/ai-dev.yml": configuration})
    stage.repository.add_issue("Add notes", "Please.", user="octo")
    show = reply(call("run_command", command="cat ~/marker"))
    stage.openai.play(dying(stage, show), show, NOTES, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert "ready" in answers(stage)[1]


def test_sandbox_that_dies_before_the_work(stage, act):
    """One that dies while the repository is brought in is replaced as well."""
    stage.e2b.fail("POST", "/files", status=502, body={"message": "The sandbox was not found", "code": 502}, times=1)
    stage.openai.play(APPLY, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert 2 == len(stage.e2b.sandboxes)
    assert [] == alive(stage)


@pytest.mark.parametrize("count", range(5))
def test_command_of_ours_that_fails_before_the_work(stage, act, count):
    """Whichever of the first commands meets a fault of the sandbox, the run goes on."""
    stage.e2b.fail("POST", "/process.Process/Start", skip=count, status=502)
    stage.openai.play(APPLY, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert [] == alive(stage)


def test_replaced_sandbox_that_could_not_be_ended(stage, act):
    """It is ended with the one that took its place."""
    stage.e2b.fail("POST", "/files", status=502)
    stage.e2b.fail("DELETE", "/sandboxes/", status=500)
    stage.openai.play(APPLY, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert 2 == len(stage.e2b.sandboxes)
    assert [] == alive(stage)


def test_replaced_sandbox_that_the_run_cannot_end(stage, act):
    """The post step ends it, with the one that took its place."""
    stage.e2b.fail("POST", "/files", status=502)
    stage.e2b.fail("DELETE", "/sandboxes/", status=500, times=2)
    stage.openai.play(APPLY, DONE)
    job = stage.label(1)

    act(job)
    left = alive(stage)
    act(job)

    assert (2, 1) == (len(stage.e2b.sandboxes), len(left))
    assert [] == alive(stage)


def test_sandbox_of_which_the_run_did_not_hear(stage, act):
    """When the answer to its creation is lost it is asked for again, and is the same one."""
    stage.e2b.fail("POST", "/v2/sandboxes$", drop=True, after=True)
    stage.openai.play(APPLY, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert 1 == len(stage.e2b.sandboxes)
    assert [] == alive(stage)


def test_sandbox_of_which_the_run_never_hears(stage, act):
    """A run that fails because no answer comes ends the sandbox that was created all the same."""
    stage.e2b.fail("POST", "/v2/sandboxes$", drop=True, after=True, times=None)

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert 1 == len(stage.e2b.sandboxes)
    assert [] == alive(stage)


def test_call_whose_end_is_unknown(stage, act):
    """When the connection breaks and the sandbox lives, the model is told to look; nothing runs twice."""
    stage.openai.play(
        APPLY, LOOK, reply(call("run_command", command="echo once >> count; sleep 1")),
        reply(call("run_command", command="sleep 1; cat count")), DONE,
    )  # fmt: skip
    broken = threading.Event()

    def break_off(_):
        if not broken.is_set():
            broken.set()
            stage.e2b.fail("POST", "/process.Process/Start", cut=40, times=1)

    stage.openai._script[2] = lambda _, step=stage.openai._script[2]: (break_off(_), step)[1]

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert any("The sandbox is still there. Look what came of this call" in text for text in answers(stage))
    assert "once\n" == stage.repository.git("show", "ai-dev/issue-1:count")
    assert 1 == len(stage.e2b.sandboxes)


def test_full_disk(stage, act):
    """A sandbox whose disk is full is replaced: the edits come along, what filled it does not."""
    full = {"code": 507, "message": "not enough disk space"}
    stage.openai.play(APPLY, LOOK, dying_disk(stage, full, NOTES), NOTES, COMMIT, DONE)

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert 2 == len(stage.e2b.sandboxes)
    assert {"calculator.py", "notes.txt"} == set(
        stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1").split()
    )


def test_disk_that_is_full_before_the_work(set_stage, act):
    """Where no new sandbox has room either, the run ends and says so; it does not try for ever."""
    configuration = "setup:\n  - run: ln -s /dev/full ~/.ai-dev/tree\n"
    stage = set_stage({"calculator.py": "x = 1\n", ".github/ai-dev.yml": configuration})
    stage.repository.add_issue("Add notes", "Please.", user="octo")

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert 3 == len(stage.e2b.sandboxes)
    assert [] == alive(stage)
    (comment,) = own_comments(stage)
    assert "Its disk is full." in comment


def test_sandbox_that_does_not_take_the_copy(stage, act):
    """When the edits cannot be put into the new sandbox, they are committed from the runner."""

    def die(_):
        vanish_all(stage)
        refused = {"code": 401, "message": "no"}
        stage.e2b.fail("POST", "/files", status=401, body=refused, skip=1, times=None)  # but the repository it takes
        return LOOK

    stage.openai.play(APPLY, LOOK, die)

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "return a + b" in stage.repository.git("show", "ai-dev/issue-1:calculator.py")
    (comment,) = own_comments(stage)
    assert "kept in #2" in comment


def dying_disk(stage, body, step):
    def play(_):
        stage.e2b.fail("POST", "/files", status=507, body=body, times=1)
        return step

    return play


@pytest.mark.parametrize("moment", ["tree", "commit", "ref"])
def test_github_that_takes_nothing(stage, act, moment):
    """Where GitHub cannot be written, what passed the checks is a patch, in the summary and in a file for later steps."""
    path = {"tree": "/git/trees$", "commit": "/git/commits$", "ref": "/git/refs$"}[moment]
    stage.github.fail(
        "POST", path, status=401, body={"message": "Bad credentials"}, times=None, skip=int(moment == "ref")
    )
    stage.openai.play(APPLY, NOTES, reply(say("It adds now.")))
    job = stage.label(1)

    result = act(job)

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    patch = job.directory / "step-0" / result.outputs["patch"]
    clone = stage.directory / "clone"
    stage.repository.git("worktree", "add", "-q", str(clone), "main")
    stage.repository.git("-C", str(clone), "apply", str(patch))
    assert "return a + b" in (clone / "calculator.py").read_text()
    assert "Notes.\n" == (clone / "notes.txt").read_text()
    assert "+    return a + b\n" in result.summary
    assert ["main"] == branches(stage)
    (comment,) = own_comments(stage)
    assert f"`{result.outputs['patch']}`" in comment
    assert "> It adds now." in comment
    stage.repository.git("worktree", "remove", "--force", str(clone))


def test_withdrawn_permission_keeps_a_patch(stage, act):
    """What a run may not push any more is kept as a patch, and nothing of it is on GitHub."""

    def withdraw(_):
        stage.repository.issues[1].labels.clear()
        return COMMIT

    stage.openai.play(APPLY, withdraw)

    result = act(stage.label(1))

    assert (0, "refused") == (result.exit_code, result.outputs["status"])
    assert "+    return a + b\n" in result.summary
    assert result.outputs["patch"].endswith(".patch")
    assert ["main"] == branches(stage)
