"""The branch of a run: its name, and what happens when the name is taken, before the run or in the middle of it."""

import pytest

from standins.openai import call, last_outputs, reply, say
from tests.projects import FIX, fix_script


def branches(stage):
    """All branches with their ids."""
    return dict(line.split() for line in refs(stage).splitlines())


def refs(stage):
    return stage.repository.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")


def plant(*names):
    """Branches that somebody else pushed."""

    def push(stage):
        stage.github.add_user("mallory")
        for name in names:
            stage.repository.push(name, {"a.txt": b"a\n"}, message="Add a", author="mallory")

    return push


def plant_with_pull_request(stage):
    plant("ai-dev/issue-1")(stage)
    stage.repository.add_pull("Add a", None, user="mallory", head="ai-dev/issue-1")


TAKEN = {
    "nothing is in the way": (plant(), {}, "ai-dev/issue-1"),
    "the name is taken": (plant("ai-dev/issue-1"), {}, "ai-dev/issue-1-2"),
    "the name is taken and has a pull request": (plant_with_pull_request, {}, "ai-dev/issue-1-2"),
    "two names are taken": (plant("ai-dev/issue-1", "ai-dev/issue-1-2"), {}, "ai-dev/issue-1-3"),
    "another issue's name begins alike": (plant("ai-dev/issue-10", "ai-dev/issue-1-3"), {}, "ai-dev/issue-1"),
    "a folder has the name": (plant("ai-dev/issue-1/mine"), {}, "ai-dev/issue-1-2"),
    "a branch has the folder's name": (plant("ai-dev"), {}, "ai-dev-issue-1"),
    "both names are taken": (plant("ai-dev", "ai-dev-issue-1"), {}, "ai-dev-issue-1-2"),
    "another prefix": (plant(), {"branch-prefix": "robots/fix-"}, "robots/fix-issue-1"),
    "another prefix, its folder taken": (plant("robots"), {"branch-prefix": "robots/fix-"}, "robots-fix-issue-1"),
    "a prefix of two folders": (plant(), {"branch-prefix": "bots/ai/"}, "bots/ai/issue-1"),
    "a prefix of two folders, the inner taken": (plant("bots/ai"), {"branch-prefix": "bots/ai/"}, "bots-ai-issue-1"),
    "a prefix without a folder": (plant("fix-"), {"branch-prefix": "fix-"}, "fix-issue-1"),
}


@pytest.mark.parametrize(("prepare", "inputs", "name"), TAKEN.values(), ids=TAKEN)
def test_branch_is_the_first_free_name(stage, act, prepare, inputs, name):
    """The work goes to the first name that is free; branches of others stay as they are."""
    prepare(stage)
    before, number = branches(stage), max(stage.repository.issues) + 1
    stage.openai.play(*fix_script())

    result = act(stage.label(1, inputs=inputs))

    assert (0, "opened", name) == (result.exit_code, result.outputs["status"], result.outputs["branch"])
    assert name == stage.repository.pulls[number].head
    after = branches(stage)
    assert result.outputs["commit-sha"] == after.pop(name)
    assert before == after


def test_no_name_is_left(stage, act):
    """When all names are taken the run says so before the model is asked."""
    plant("ai-dev/issue-1", *(f"ai-dev/issue-1-{number}" for number in range(2, 21)))(stage)

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "No name is free for a branch of issue-1." in result.log
    assert [] == stage.openai.conversations


def test_no_name_is_possible(stage, act):
    """The same when folders make every name impossible."""
    plant("ai-dev/issue-1/a", *(f"ai-dev/issue-1-{number}/a" for number in range(2, 21)))(stage)

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "No name is free for a branch of issue-1." in result.log


APPLY = reply(call("apply_patch", patch=FIX))
COMMIT = reply(call("commit", message="Make add() add"))
PULL = reply(call("make_pull_request", title="Make add() add", body="It subtracted."))
NOTES = reply(call("save_content_to_file", path="notes.txt", content="Notes.\n"))
DONE = reply(say("Done."))


def at_that_moment(act_so, step):
    """The step, just before which somebody does something."""

    def play(_):
        act_so()
        return step

    return play


IN_THE_MIDDLE = {
    "the branch": ("ai-dev/issue-1", "ai-dev/issue-1-2"),
    "a branch in its folder": ("ai-dev/issue-1/mine", "ai-dev/issue-1-2"),
    "a branch that has the folder's name": ("ai-dev", "ai-dev-issue-1"),
}


@pytest.mark.parametrize(("planted", "name"), IN_THE_MIDDLE.values(), ids=IN_THE_MIDDLE)
def test_name_that_is_taken_in_the_middle(stage, act, planted, name):
    """When somebody takes the name before the first commit, the work goes to the next one and nothing is lost."""
    stage.openai.play(APPLY, at_that_moment(lambda: plant(planted)(stage), COMMIT), NOTES, COMMIT, PULL, DONE)

    result = act(stage.label(1))

    assert (0, "opened", name) == (result.exit_code, result.outputs["status"], result.outputs["branch"])
    assert name == stage.repository.pulls[2].head
    assert "calculator.py\nnotes.txt\n" == stage.repository.git("diff", "--name-only", "main", name)
    assert "a.txt\n" == stage.repository.git("diff", "--name-only", "main", planted)


def test_push_of_somebody_in_the_middle(stage, act):
    """When somebody pushes the same file to our branch, ours goes to a branch beside it: both are kept, nothing forced."""
    answers = {}

    def push():
        stage.repository.push("ai-dev/issue-1", {"notes.txt": b"a\n"}, message="Add a")

    def finish(body):
        answers.update(last_outputs(body))
        return DONE

    stage.openai.play(APPLY, COMMIT, PULL, NOTES, at_that_moment(push, COMMIT), finish)

    result = act(stage.label(1))

    assert (0, "opened", "ai-dev/issue-1-2") == (
        result.exit_code,
        result.outputs["status"],
        result.outputs["branch"],
    )
    assert ["Committed and pushed"] == [answer[:20] for answer in answers.values()]
    assert "a\n" == stage.repository.git("show", "ai-dev/issue-1:notes.txt")
    assert "calculator.py\nnotes.txt\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1-2")
    assert ["ai-dev/issue-1", "ai-dev/issue-1-2"] == [pull.head for pull in stage.repository.pulls.values()]
    assert [False] == [sent.json["force"] for sent in stage.github.requests("PATCH", "/git/refs/")]


def test_run_after_that_goes_on_with_the_newest(stage, act):
    """The next run works on the branch that our comment names, though the older one is open as well."""

    def push():
        stage.repository.push("ai-dev/issue-1", {"notes.txt": b"a\n"}, message="Add a")

    stage.openai.play(APPLY, COMMIT, PULL, NOTES, at_that_moment(push, COMMIT), DONE)
    act(stage.label(1))
    stage.openai.play(reply(call("save_content_to_file", path="more.txt", content="More.\n")), COMMIT, DONE)

    result = act(stage.comment(1, "/ai-dev More."))

    assert (0, "updated", "ai-dev/issue-1-2") == (
        result.exit_code,
        result.outputs["status"],
        result.outputs["branch"],
    )
    assert "More.\n" == stage.repository.git("show", "ai-dev/issue-1-2:more.txt")


def test_branch_that_is_deleted_in_the_middle(stage, act):
    """When somebody deletes our branch meanwhile, all of the work is on a new one."""

    def delete():
        stage.repository.git("update-ref", "-d", "refs/heads/ai-dev/issue-1")
        stage.repository.follow_branches()

    stage.openai.play(APPLY, COMMIT, PULL, NOTES, at_that_moment(delete, COMMIT), DONE)

    result = act(stage.label(1))

    branch = result.outputs["branch"]
    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert "calculator.py\nnotes.txt\n" == stage.repository.git("diff", "--name-only", "main", branch)
    assert branch == stage.repository.pulls[int(result.outputs["pull-request-number"])].head


def test_base_that_moves_in_the_middle(stage, act):
    """The base commit is pinned at the start: what is pushed to main meanwhile is not undone."""

    def push():
        stage.repository.push("main", {"calculator.py": b"# new\n"}, message="Rewrite")

    start = stage.repository.git("rev-parse", "main").strip()
    stage.openai.play(APPLY, at_that_moment(push, COMMIT), PULL, DONE)

    act(stage.label(1))

    assert start == stage.repository.git("rev-parse", "ai-dev/issue-1^").strip()
    assert "# new\n" == stage.repository.git("show", "main:calculator.py")
