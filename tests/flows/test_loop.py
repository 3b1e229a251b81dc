"""The loop: what it makes of each kind of reply."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from standins.openai import call, last_outputs, raw_call, refuse, reply, say, think, unknown_item
from tests.flows.tools import sh, use
from tests.projects import FIX

PATCH = call("apply_patch", patch=FIX)
BROKEN = raw_call("run_command", '{"command": "echo')


def users(body):
    """What the user says in a request, after the task."""
    said = [item["content"][0]["text"] for item in body["input"] if item.get("role") == "user"]
    return said[1:]


def play(stage, act, *steps, **job):
    """A run with this script, and its requests."""
    stage.openai.play(*steps)
    result = act(stage.label(1, **job))
    assert stage.openai.left == 0, result.log
    return result, stage.openai.conversations


def test_parallel_calls(stage, act):
    """All calls of a reply are run in their order, and each is answered once, in the next request."""
    asked = [sh(f"echo {i} >>order; cat order", call_id=f"call_{i}") for i in range(3)]
    answers = {}

    def keep(body):
        answers.update(last_outputs(body))
        return reply(say("Done."))

    play(stage, act, reply(think("plan"), say("First this.", "commentary"), *asked), keep)

    head = "Exit code 0 after 0.1 s. Output:\n\n"
    shown = {name: answer[len(head) :] for name, answer in answers.items()}
    assert {"call_0": "0\n", "call_1": "0\n1\n", "call_2": "0\n1\n2\n"} == shown


UNREADABLE = {
    "unknown tool": (
        call("delete_everything", path="/"),
        "There is no tool delete_everything. There are: list_files, read_file, create_directory, save_content_to_file, apply_patch, run_command, run_code, update_plan, commit, make_pull_request.",
    ),
    "a tool's name in other letters": (call("Commit", message="x"), "There is no tool Commit. There are: list_files,"),
    "cut off": (BROKEN, "The arguments of run_command cannot be read. arguments: Invalid JSON: EOF while parsing a string"),
    "no JSON": (raw_call("commit", "message=x"), "The arguments of commit cannot be read. arguments: Invalid JSON: expected value"),
    "nothing": (raw_call("commit", ""), "The arguments of commit cannot be read. arguments: Invalid JSON: EOF while parsing a value"),
    "a list": (raw_call("commit", '["x"]'), "The arguments of commit cannot be read. arguments: Input should be an object"),
    "missing": (call("commit"), "The arguments of commit cannot be read. message: Field required"),
    "one too many": (call("commit", message="x", branch="main"), "The arguments of commit cannot be read. branch: Extra inputs are not permitted"),
    "wrong type": (call("read_file", path=7, first_line="x"), "The arguments of read_file cannot be read. path: Input should be a valid string; first_line: Input should be a valid integer"),
    "half a character": (raw_call("commit", '{"message": "\\ud83d"}'), "The arguments of commit cannot be read. arguments: Invalid JSON"),
    "a deep nest": (raw_call("commit", "[" * 100_000), "The arguments of commit cannot be read. arguments: Invalid JSON: recursion limit exceeded"),
}  # fmt: skip


def test_unreadable_calls(stage, act):
    """A call that cannot be read is answered with what is wrong with it, and does nothing."""
    calls = [asked for case, _ in UNREADABLE.values() for asked in (case, call("list_files", path="."))]
    used = use(stage, act, *calls)

    answers = dict(zip(UNREADABLE, used.answers[::2], strict=True))
    wanted = {name: text for name, (_, text) in UNREADABLE.items()}
    assert wanted == {name: answer[: len(wanted[name])] for name, answer in answers.items()}
    assert all(len(answer) < 1000 for answer in answers.values())
    assert "" == stage.repository.git("for-each-ref", "refs/heads/ai-dev")


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param([reply(PATCH), reply(BROKEN), reply(BROKEN), reply(BROKEN)], id="one after the other"),
        pytest.param([reply(PATCH, BROKEN, call("nothing"), BROKEN)], id="in one reply"),
    ],
)
def test_three_unreadable_calls(stage, act, replies):
    """Three unreadable calls in a row end the run, and the work done so far is delivered as a draft."""
    result, _ = play(stage, act, *replies)

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    (pull,) = stage.repository.pulls.values()
    assert (True, True) == (pull.draft, pull.body.startswith("Refs #1\n\nThe run did not end by itself."))
    assert "+    return a + b" in stage.repository.git("diff", "main", "ai-dev/issue-1")
    (comment,) = stage.repository.issues[1].comments
    assert "The model made 3 calls in a row that cannot be read." in comment.body


def test_unreadable_calls_with_a_good_one_between(stage, act):
    """A readable call in between starts the count anew."""
    good = call("list_files", path=".")
    result, _ = play(
        stage,
        act,
        reply(BROKEN, BROKEN, good),
        reply(BROKEN, BROKEN),
        reply(good),
        reply(BROKEN, BROKEN),
        reply(say("Done.")),
    )

    assert "answered" == result.outputs["status"]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([say("Now I will look at the tests.", "commentary")], id="commentary"),
        pytest.param([think("Hm.")], id="reasoning alone"),
        pytest.param([say(" \n")], id="blank text"),
        pytest.param([], id="nothing"),
    ],
)
def test_nudge(stage, act, items):
    """A reply that is neither a call nor a last word is asked once to go on."""
    result, requests = play(stage, act, reply(*items), reply(PATCH), reply(say("Done.")))

    assert ["opened", "Done."] == [result.outputs["status"], result.outputs["answer"]]
    (nudge,) = users(requests[1])
    assert nudge.startswith("That was no final answer and you called no tool.")


def test_nudged_once(stage, act):
    """The second commentary without calls is taken for the last word."""
    result, requests = play(
        stage, act, reply(say("I look.", "commentary")), reply(PATCH), reply(say("It adds now.", "commentary"))
    )

    assert ["opened", "It adds now."] == [result.outputs["status"], result.outputs["answer"]]
    assert 1 == len(users(requests[2]))


def test_text_without_phase(stage, act):
    """A server that knows no phases is understood: text without calls is the last word."""
    result, _ = play(stage, act, reply(say("It is on purpose.", None)))

    assert ["answered", "It is on purpose."] == [result.outputs["status"], result.outputs["answer"]]


def test_refusal(stage, act):
    """A refusal stops the run, in the model's words, and the work so far is delivered."""
    result, _ = play(stage, act, reply(PATCH), reply(refuse("I cannot help with @this.\n::error::x")))

    assert (1, "stopped") == (result.exit_code, result.outputs["status"])
    (comment,) = stage.repository.issues[1].comments
    assert "The model refused." in comment.body
    assert "> I cannot help with @\u200bthis. ::error::x" in comment.body
    assert 1 == len(stage.repository.pulls)


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_cut_off_call(stage, act, reason):
    """A call that was cut off is not run: the model is told that it cannot be read, and goes on."""
    answers = []

    def keep(body):
        answers.extend(last_outputs(body).values())
        return reply(say("Done."))

    cut = raw_call("save_content_to_file", '{"path": "a.txt", "content": "half')
    result, _ = play(stage, act, reply(think(), PATCH, cut, status="incomplete", incomplete_reason=reason), keep)

    assert "Done:\nM calculator.py" == answers[0]
    assert answers[1].startswith("The arguments of save_content_to_file cannot be read.")
    assert "opened" == result.outputs["status"]
    assert "calculator.py\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")


def test_cut_off_text(stage, act):
    """A text that was cut off is no last word: the model is asked to go on."""
    result, requests = play(
        stage, act, reply(say("It is beca"), status="incomplete"), reply(say("It is because of x."))
    )

    assert "It is because of x." == result.outputs["answer"]
    assert 1 == len(users(requests[1]))


def test_unknown_items(stage, act):
    """Items of types that nobody knows are replayed as they came, and change nothing."""
    strange = unknown_item("hologram_call", payload={"a": [1, None, "ü"], "async": True}, status="completed")
    result, requests = play(stage, act, reply(think(), strange, PATCH), reply(strange, say("Done.")))

    assert "opened" == result.outputs["status"]
    sent = [item for item in requests[1]["input"] if item.get("type") == "hologram_call"]
    assert [{**strange, "id": sent[0]["id"]}] == sent


@pytest.mark.parametrize("forgotten", ["commit", "nothing"])
def test_max_turns(stage, act, forgotten):
    """At the limit of turns the run stops, and what was done is delivered, committed or not."""
    calls = [PATCH] if forgotten == "commit" else [PATCH, call("commit", message="Add")]
    result, requests = play(stage, act, reply(sh("true")), reply(*calls), reply(), inputs={"max-turns": "3"})

    assert (1, "stopped", "3") == (result.exit_code, result.outputs["status"], result.outputs["turns"])
    assert 3 == len(requests)
    (pull,) = stage.repository.pulls.values()
    assert pull.body.startswith("Refs #1\n\nThe run did not end by itself. The limit of 3 turns is reached.")
    (comment,) = stage.repository.issues[1].comments
    assert "**AI Dev stopped.** The limit of 3 turns is reached." in comment.body
    assert "What was done so far is kept in #2. To go on, put the label `ai-dev` on again" in comment.body


def test_last_turn_counts(stage, act):
    """A last word in the last turn that is allowed is a good end."""
    result, _ = play(stage, act, reply(say("It is fine.")), inputs={"max-turns": "1"})

    assert (0, "answered") == (result.exit_code, result.outputs["status"])


def test_long_answers(stage, act):
    """No tool's answer is longer than 40,000 bytes, and none changes after it was made."""
    calls = [
        sh("yes äöü | head -c 200000"),
        call("read_file", path="long", first_line=None, last_line=None),
        call("list_files", path="many", depth=1),
        call("read_file", path="x" * 100_000, first_line=None, last_line=None),
        call("apply_patch", patch="*** Begin Patch\n*** Update File: long\n@@\n-" + "y" * 100_000 + "\n*** End Patch"),
        call("y" * 64),
    ]
    setting = sh("yes 'ä b' | head -c 200000 >long; mkdir many; touch many/$(printf x%.0s {1..200}){1..900}")
    _, requests = play(stage, act, reply(setting, *calls), reply(sh("true")), reply(say("Done.")))

    outputs = [[item["output"] for item in body["input"] if "output" in item] for body in requests]
    assert outputs[1] == outputs[2][:-1]
    assert len(calls) == sum(0 < len(text.encode()) <= 40_000 for text in outputs[1][1:])
    assert len(json.dumps(outputs[1], ensure_ascii=False).encode()) > 110_000


def test_many_calls_at_once(stage, act):
    """Two hundred calls in one reply are all answered; fifty of them are run."""
    used = use(stage, act, *[call("update_plan", steps=[])] * 200)

    left = "Not run: a reply may have at most 50 calls. Call again if it is still needed."
    assert ["The plan is shown."] * 50 + [left] * 150 == used.answers


def test_conversation_only_grows(stage, act):
    """Instructions and tools are the same bytes each turn, and the input is the last one, its reply and the answers."""
    turns = [reply(think(f"{i}"), say("On it.", "commentary"), sh(f"echo {i}")) for i in range(6)]
    _, requests = play(stage, act, *turns, reply(say("Done.")))

    assert 1 == len({json.dumps([b["instructions"], b["tools"], b["prompt_cache_key"], b["model"]]) for b in requests})
    for before, after in pairwise(requests):
        assert before["input"] == after["input"][: len(before["input"])]
        assert 4 == len(after["input"]) - len(before["input"])
