"""What a second run is told, and what becomes of the pull request's words."""

from standins.openai import call, last_outputs, reply, say
from tests.projects import FIX, fix_script

TRIPLE = """*** Begin Patch
*** Add File: triple.py
+def triple(a):
+    return a * 3
*** End Patch"""
MORE = [
    reply(call("apply_patch", patch=TRIPLE)),
    reply(call("commit", message="Add triple()")),
    reply(say("There is triple() now.")),
]


def read_input(stage, index):
    """All text that the model was given with the request of this index."""
    items = stage.openai.conversations[index]["input"]
    return "\n".join(part["text"] for item in items for part in item.get("content") or [] if "text" in part)


def test_answer_is_known_to_the_next_run(stage, act):
    """What the assistant said at the end of a run is before it in the next."""
    stage.openai.play(reply(say("Option A is a table, option B is a list.")), *fix_script())

    act(stage.comment(1, "/ai-dev what could we do?"))
    act(stage.comment(1, "/ai-dev do option B"))

    assert "option B is a list." in read_input(stage, 1)


def test_second_run_knows_the_work_and_the_pull_request(stage, act):
    """A run that goes on is told so: the branch, the tip, how to see the work, the open pull request."""
    stage.openai.play(*fix_script(), reply(call("run_command", command="git diff --stat main")), *MORE)

    act(stage.label(1))
    tip = stage.repository.git("rev-parse", "ai-dev/issue-1").strip()
    result = act(stage.comment(1, "/ai-dev add triple() too"))

    instructions = stage.openai.conversations[5]["instructions"]
    assert "An earlier run left work on it" in instructions
    assert "pull request #2 is open" in instructions
    assert tip[:12] in instructions
    assert "calculator.py" in "".join(last_outputs(stage.openai.conversations[6]).values())
    assert "Go on with ai-dev/issue-1" in result.log


def test_work_that_was_stopped_and_then_finished(stage, act):
    """The pull request of a run that was stopped says so; when the next run ends by itself, it says what that did."""
    stage.openai.play(reply(call("apply_patch", patch=FIX)), *MORE)

    act(stage.label(1, inputs={"max-turns": "1"}))
    stopped = stage.repository.pulls[2].body
    act(stage.comment(1, "/ai-dev continue"))
    finished = stage.repository.pulls[2].body

    assert stopped.startswith("Refs #1\n\nThe run did not end by itself.")
    assert "assistant's own account" not in stopped
    assert finished.startswith("Fixes #1\n\nThere is triple() now.")
    assert "did not end by itself" not in finished


def test_new_words_for_an_open_pull_request(stage, act):
    """A run that only gives the pull request new words updates it, and it still fixes the issue."""
    stage.openai.play(
        *fix_script(),
        reply(call("make_pull_request", title="Add with add()", body="Clearer words.")),
        reply(say("The text is clearer now.")),
    )

    act(stage.label(1))
    result = act(stage.comment(1, "/ai-dev say it more clearly"))

    pull = stage.repository.pulls[2]
    assert "updated" == result.outputs["status"]
    assert "Add with add()" == pull.title
    assert pull.body.startswith("Fixes #1\n\nClearer words.\n\n---\n")


def test_half_a_change_fixes_nothing(stage, act):
    """When a run on a finished pull request is stopped, that says so and keeps the words that it had."""
    stage.openai.play(*fix_script(), reply(call("apply_patch", patch=TRIPLE)))

    act(stage.label(1))
    act(stage.comment(1, "/ai-dev add triple() too", inputs={"max-turns": "1"}))

    unfinished, _, before = stage.repository.pulls[2].body.partition("\n\nWhat was said of it before:\n\n")
    assert "Refs #1\n\nThe run did not end by itself. The limit of 1 turn is reached." == unfinished
    assert before.startswith("`add` subtracted; now it adds.\n\n---\n")
    assert "triple.py" in stage.repository.git("ls-tree", "--name-only", "ai-dev/issue-1")


def test_words_of_people_stay(stage, act):
    """A pull request whose text somebody has rewritten keeps that text when the branch grows."""
    stage.openai.play(*fix_script(), *MORE)

    act(stage.label(1))
    stage.repository.pulls[2].body = "I took this over."
    result = act(stage.comment(1, "/ai-dev add triple() too"))

    assert "I took this over." == stage.repository.pulls[2].body
    assert "updated" == result.outputs["status"]


def test_branch_ending_keeps_the_words(stage, act):
    """Where no pull request may be opened, the words for it are in the comment and behind the link."""
    stage.repository.allow_actions_to_create_pull_requests = False
    stage.openai.play(*fix_script())

    act(stage.label(1))

    (comment,) = stage.repository.issues[1].comments
    assert "> Make add() add\n> \n> `add` subtracted; now it adds." in comment.body
    assert "&body=%60add%60+subtracted" in comment.body


def test_rehearsal_tells_the_model_the_truth(stage, act):
    """In a dry run the model is not told that anything was pushed or opened."""
    stage.openai.play(*fix_script())

    act(stage.label(1, inputs={"dry-run": "true"}))

    told = "\n".join(last_outputs(stage.openai.conversations[-1]).values())
    for body in stage.openai.conversations:
        told += "\n".join(last_outputs(body).values())
    assert "Committed and pushed" not in told
    assert "would be committed" in told
    assert "no pull request is opened" in told


def test_title_that_nobody_sees(stage, act):
    """An issue whose title shows nothing gets a pull request whose title says what it is about."""
    stage.repository.add_issue("\u200b\u3164", "`add(1, 2)` gives -1.", user="octo")
    stage.openai.play(reply(call("apply_patch", patch=FIX)), reply(say("Done.")))

    result = act(stage.label(2))

    assert "opened" == result.outputs["status"]
    assert "Work on" in stage.repository.pulls[3].title


def test_comment_that_somebody_deleted(stage, act):
    """When our comment is deleted during the run, the ending is told in a new one."""
    steps = fix_script()

    def delete(_):
        stage.repository.issues[1].comments.clear()
        return steps[0]

    stage.openai.play(delete, *steps[1:])

    act(stage.label(1))

    (comment,) = stage.repository.issues[1].comments
    assert "**Opened #2**" in comment.body


def test_pull_request_of_a_person(stage, act):
    """A pull request that a person opened from our branch grows with it, and its words are left alone."""
    stage.repository.allow_actions_to_create_pull_requests = False
    stage.openai.play(*fix_script())
    act(stage.label(1))
    stage.repository.add_pull("Mine", "My words.", user="octo", head="ai-dev/issue-1")
    stage.openai.play(
        *MORE[:2], reply(call("make_pull_request", title="Other", body="Other words.")), reply(say("Done."))
    )

    result = act(stage.comment(1, "/ai-dev add triple() too"))

    assert ("Mine", "My words.") == (stage.repository.pulls[2].title, stage.repository.pulls[2].body)
    assert "@octo opened it" in "".join(last_outputs(stage.openai.conversations[-1]).values())
    assert "updated" == result.outputs["status"]
