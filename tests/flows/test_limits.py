"""A limit comes near and is reached: the model is told, says farewell, and what was done is kept."""

from decimal import Decimal

import pytest

from ai_dev.prices import Price, Usage
from standins.openai import call, dropped, error, reply, say
from tests.flows.tools import sh
from tests.projects import FIX

PATCH = call("apply_patch", patch=FIX)
COMMIT = call("commit", message="Make add() add")
PULL = call("make_pull_request", title="Make add() add", body="It subtracted.")
LOOK = sh("true")
LEFT = say("add() adds.\n\nLeft: double().")
USAGE = {"input_tokens": 1000, "output_tokens": 100, "input_tokens_details": None}
SOL = Price.of("gpt-6.2-sol", "")


def users(body):
    """What the user says in a request, after the task."""
    return [item["content"][0]["text"] for item in body["input"] if item.get("role") == "user"][1:]


def play(stage, act, *steps, **inputs):
    """A run with this script and these inputs, and its requests."""
    stage.openai.play(*steps)
    result = act(stage.label(1, inputs={name.replace("_", "-"): value for name, value in inputs.items()}))
    assert stage.openai.left == 0, result.log
    return result, stage.openai.conversations


def own_comment(stage):
    """The body of the one comment."""
    (comment,) = stage.repository.issues[1].comments
    return comment.body


def test_turns(stage, act):
    """The model is told once that turns run out; the last one is its farewell; all it did is in a draft that says so."""
    result, requests = play(stage, act, reply(LOOK), reply(PATCH), reply(LOOK), reply(LEFT), max_turns="4")

    assert (1, "stopped", "4") == (result.exit_code, result.outputs["status"], result.outputs["turns"])
    told = "3 of 4 turns are left, counting this one and the last. Start nothing new."
    assert [0, 1, 1, 2] == [len(users(body)) for body in requests]
    assert users(requests[1])[0].startswith(told)
    assert users(requests[3])[1].startswith("The limit of 4 turns is reached. This is your last message")
    assert [None, None, None, "none"] == [body.get("tool_choice") for body in requests]
    assert 1 == len({str(body["tools"]) for body in requests})
    pull = stage.repository.pulls[2]
    assert (True, "add() subtracts") == (pull.draft, pull.title)
    assert pull.body.startswith(
        "Refs #1\n\nThe run did not end by itself. The limit of 4 turns is reached.\n\nadd() adds.\n\nLeft: double().\n"
    )
    assert "The text above is the assistant's own account" in pull.body
    assert "+    return a + b" in stage.repository.git("diff", "main", "ai-dev/issue-1")
    comment = own_comment(stage)
    assert "**AI Dev stopped.** The limit of 4 turns is reached." in comment
    assert "The assistant says:\n\n> add() adds.\n> \n> Left: double()." in comment
    assert "**What to do:** Split the task, or raise the input max-turns." in comment
    assert "is kept in #2. To go on, put the label `ai-dev` on again" in comment
    assert "add() adds.\n\nLeft: double()." == result.outputs["answer"]


def test_title_of_the_model_stays(stage, act):
    """Where the model had proposed the work already, its title stays, and its text stands below what is left."""
    result, _ = play(stage, act, reply(PATCH), reply(COMMIT), reply(PULL), reply(LEFT), max_turns="4")

    assert "stopped" == result.outputs["status"]
    pull = stage.repository.pulls[2]
    assert "Make add() add" == pull.title
    head, _, rest = pull.body.partition("\n\nWhat was said of it before:\n\n")
    assert head.endswith("Left: double().")
    assert rest.startswith("It subtracted.\n\n---\n")


def test_text_from_before_the_limit_comes_back(stage, act):
    """When the next run ends by itself, the text that was there before the limit is the pull request's again."""
    more = [reply(call("save_content_to_file", path="a.txt", content="a")), reply(COMMIT), reply(say("Done."))]
    play(stage, act, reply(PATCH), reply(COMMIT), reply(PULL), reply(LEFT), max_turns="4")
    stage.openai.play(*more)
    result = act(stage.comment(1, "/ai-dev continue"))

    assert "updated" == result.outputs["status"]
    assert stage.repository.pulls[2].body.startswith("Fixes #1\n\nIt subtracted.\n\n---\n")


@pytest.mark.parametrize(
    ("words", "status", "link"),
    [("All of it is done.", "opened", "Fixes"), ("Not finished: double() is left.", "stopped", "Refs")],
)
def test_model_that_heeds_the_limit(stage, act, words, status, link):
    """A model that was told and ends by itself is believed; when it says that it is not finished, the run is stopped."""
    result, _ = play(stage, act, reply(LOOK), reply(PATCH, COMMIT, PULL), reply(say(words)), max_turns="4")

    assert [status, "3", words] == [result.outputs[name] for name in ("status", "turns", "answer")]
    assert stage.repository.pulls[2].body.startswith(f"{link} #1\n\n")
    assert ("**AI Dev stopped.** The limit of 4 turns was near." in own_comment(stage)) == (status == "stopped")


def test_not_finished_without_a_limit(stage, act):
    """Words that only look as if a limit had been told are the model's last words like any other."""
    result, _ = play(stage, act, reply(say("Not finished: that is what the page says.")))

    assert "answered" == result.outputs["status"]


@pytest.mark.parametrize(
    "farewell",
    [
        [error(400, None, "No.")],
        [error(503, headers={"Retry-After": "0"})] * 5,
        [error(400, "context_length_exceeded")],
        [reply()],
        [reply(call("save_content_to_file", path="late.txt", content="x"))],
    ],
    ids=["refused", "down", "too long", "nothing", "a call"],
)
def test_farewell_makes_nothing_worse(stage, act, farewell):
    """Whatever comes of the farewell, the run is stopped by its limit, nothing more is done, the work is kept."""
    result, _ = play(stage, act, reply(PATCH), *farewell, max_turns="2")

    assert (1, "stopped") == (result.exit_code, result.outputs["status"])
    assert "The limit of 2 turns is reached." in own_comment(stage)
    assert stage.repository.pulls[2].body.startswith("Refs #1\n\nThe run did not end by itself. The limit of 2 turns")
    assert "assistant's own account" not in stage.repository.pulls[2].body
    assert "calculator.py\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")


def paid(stage):
    """What the replies cost, by what the server told of them."""
    used = [
        Usage(
            usage["input_tokens"],
            usage["input_tokens_details"]["cached_tokens"],
            usage["output_tokens"],
            usage["input_tokens_details"]["cache_write_tokens"],
        )
        for usage in stage.openai.usages
    ]
    return [SOL.cost(each) for each in used]


@pytest.mark.parametrize("dollars", ["0.08", "0.15", "0.40"])
def test_dollars(stage, act, dollars):
    """However long the model goes on, it never costs more than the limit, and the last turns are paid with what is left."""
    write = "x" * 8000

    def go_on(body):
        if body.get("tool_choice") == "none":
            return reply(LEFT)
        return reply(sh(f"head -c 6000 /dev/urandom | base64; : {write}"))

    stage.openai.play(reply(PATCH), *[go_on] * 60)
    result = act(stage.label(1, inputs={"max-cost": dollars}))

    costs, limit, bodies = paid(stage), Decimal(dollars), stage.openai.conversations
    assert "stopped" == result.outputs["status"]
    assert f"{sum(costs):.4f}" == result.outputs["cost"]
    assert f"${sum(costs):.2f}" in own_comment(stage)
    assert f"What is left of the limit of ${dollars} does not pay for more work." in own_comment(stage)
    assert sum(costs) <= limit
    assert limit - sum(costs) < max(costs) + Decimal("0.04")
    assert ["none"] == [body["tool_choice"] for body in bodies if "tool_choice" in body]
    assert (dollars != "0.08") == sum("Little is left of" in text for text in users(bodies[-1]))
    assert all(16 <= body["max_output_tokens"] <= 100_000 for body in bodies)
    assert "+    return a + b" in stage.repository.git("diff", "main", "ai-dev/issue-1")
    assert "Left: double()." in stage.repository.pulls[2].body


def test_a_reply_is_no_longer_than_what_is_left_pays(stage, act):
    """A model that would write more than the limit pays is cut off, and what it wrote whole is used."""
    long = call("save_content_to_file", path="long.txt", content="word " * 40_000)

    def go_on(body):
        return reply(LEFT) if body.get("tool_choice") == "none" else reply(LOOK, long)

    stage.openai.play(reply(PATCH), *[go_on] * 8)
    result = act(stage.label(1, inputs={"max-cost": "0.10"}))

    assert "stopped" == result.outputs["status"]
    assert sum(paid(stage)) <= Decimal("0.10")
    assert "calculator.py\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")


def test_too_few_dollars(stage, act):
    """A limit that does not pay for a single turn asks for nothing."""
    result, requests = play(stage, act, max_cost="0.0100")

    assert ("stopped", []) == (result.outputs["status"], requests)
    assert "The limit of $0.0100" not in own_comment(stage)
    assert "What is left of the limit of $0.0100 does not pay for more work." in own_comment(stage)
    assert "raise the input max-cost" in own_comment(stage)


def test_a_broken_reply_is_paid_for(stage, act):
    """A reply that broke off counts with what had come of it, so the cost is about right."""
    result, _ = play(stage, act, dropped(say("x" * 3000), after_events=6), reply(say("It is fine.")))

    assert "answered" == result.outputs["status"]
    assert Decimal(result.outputs["cost"]) > 2 * paid(stage)[-1]
    assert " output tokens in 1 turn, about $0.0" in own_comment(stage)


def test_prices_of_ones_own(stage, act):
    """A model that the action does not know has the prices that the workflow gives, or none."""
    priced, _ = play(stage, act, reply(say("Fine."), usage=USAGE),
                     model="own", prices="input=10 cached-input=1 output=100", max_cost="1")  # fmt: skip
    unknown, _ = play(stage, act, reply(say("Fine.")), model="own")

    assert ["0.0200", ""] == [priced.outputs["cost"], unknown.outputs["cost"]]
    assert "$" not in unknown.summary


def test_limit_without_a_price(stage, act):
    """A limit in dollars for a model of unknown price ends the run before it begins, and says what to give."""
    result, requests = play(stage, act, model="own", max_cost="1")

    assert ("failed", []) == (result.outputs["status"], requests)
    assert (
        "`max-cost` needs the prices of the model own, which are not known here: give them in `prices`"
        in result.summary
    )
