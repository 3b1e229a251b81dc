"""The model's service fails: what passes is tried again, what does not ends the run with the cure."""

from __future__ import annotations

import json
import re

import pytest

from standins.openai import (
    Page,
    bad_json,
    call,
    dropped,
    error,
    error_event,
    failed,
    garbage,
    last_outputs,
    nested_error_event,
    reply,
    say,
    truncated,
)
from tests.flows.tools import sh
from tests.projects import FIX

PATCH = call("apply_patch", patch=FIX)
LOOK = sh("true")
COUNT = sh("echo >>/tmp/count; wc -l </tmp/count")
AT_ONCE = {"Retry-After": "0"}


PASSING = {
    "429 that says when": error(429, "rate_limit_exceeded", headers=AT_ONCE),
    "429 that says it in words": error(429, "rate_limit_exceeded", "Rate limit reached. Please try again in 20ms."),
    "429 that says nothing": error(429),
    "500": error(500, headers=AT_ONCE),
    "503": error(503, headers=AT_ONCE),
    "408": error(408, headers=AT_ONCE),
    "409": error(409, headers=AT_ONCE),
    "500 in HTML": Page(500, "<html>Oops</html>", "text/html", headers=AT_ONCE),
    "200 in HTML": garbage(),
    "200 in JSON": Page(200, '{"detail": "no stream"}'),
    "200 with nothing": Page(200, "", "text/event-stream"),
    "a stream that is no JSON": bad_json(),
    "a stream that is dropped after a whole call": dropped(COUNT, say("x"), after_events=6),
    "a stream without an end, after a whole call": truncated(COUNT, say("x"), after_events=6),
    "failed": failed("server_error", "Try again in 10ms."),
    "failed by a limit": failed("rate_limit_exceeded", "Please try again in 0.01s."),
    "an error event": error_event("server_error", "Please try again in 0.01s."),
    "an error event without a code": error_event(None, "Please try again in 0.01s."),
    "a nested error event": nested_error_event("server_error"),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_passing_fault(stage, act, fault):
    """After a fault that passes the same request is made again; the run succeeds and each call is run just once."""
    counted = []

    def keep(body):
        counted.extend(last_outputs(body).values())
        return reply(say("Done."))

    stage.openai.play(reply(PATCH, COUNT), fault, reply(COUNT), keep)
    result = act(stage.label(1))

    first, failing, again, *_ = stage.openai.conversations
    assert ["opened", "3"] == [result.outputs["status"], result.outputs["turns"]], result.log
    assert failing == again
    assert len(first["input"]) + 4 == len(again["input"])
    assert counted[0].endswith("Output:\n\n2\n")
    assert 4 == len(stage.openai.conversations)


def test_dropped_connection(stage, act):
    """A connection that is closed without an answer is tried again."""
    stage.openai.fail("POST", "/responses", drop=True)
    stage.openai.play(reply(say("It is fine.")))
    result = act(stage.label(1))

    assert "answered" == result.outputs["status"]
    assert 2 == len(stage.openai.requests("POST", "/responses"))


def test_tries_are_bounded(stage, act):
    """After five tries the run is stopped, says that it may pass, and delivers the work so far."""
    stage.openai.play(reply(PATCH), *[error(503, message="Overloaded.", headers=AT_ONCE)] * 5)
    result = act(stage.label(1))

    assert (1, "stopped", 0) == (result.exit_code, result.outputs["status"], stage.openai.left)
    assert 4 == len(re.findall(r"^OpenAI could not .* It is asked again in 0 s\.$", result.log, re.MULTILINE))
    assert "OpenAI could not answer the request (503)." in result.summary
    assert "This is most likely a passing fault of OpenAI: start the run again later." in result.summary
    assert 1 == len(stage.repository.pulls)


def test_too_long_to_wait(stage, act):
    """A server that asks for more than two minutes is not waited for; the comment says when to come back."""
    stage.openai.play(reply(PATCH), error(429, "rate_limit_exceeded", headers={"Retry-After": "121"}))
    result = act(stage.label(1))

    assert (1, "stopped") == (result.exit_code, result.outputs["status"])
    assert 2 == len(stage.openai.conversations)
    (comment,) = stage.repository.issues[1].comments
    assert re.search(r"OpenAI asks to wait: start the run again after \d\d:\d\d UTC on \w+ \d+\.", comment.body)
    assert "is kept in #2. To go on, put the label `ai-dev` on again" in comment.body


def test_longer_to_wait_than_there_is_time(stage, act):
    """A server that asks for more than the run has left is not waited for."""
    stage.openai.play(reply(PATCH), error(429, "rate_limit_exceeded", headers={"Retry-After": "100"}))
    result = act(stage.label(1, inputs={"max-minutes": "1"}))

    assert (1, "stopped", 2) == (result.exit_code, result.outputs["status"], len(stage.openai.conversations))
    assert result.seconds < 50


MODEL = "Check the input model: the key must have access to a model of this name."
CREDIT = "Add credit to the OpenAI account, then start the run again."
FINAL = {
    "401": (error(401, "invalid_api_key", "Incorrect API key provided: sk-te****nai."), "failed", "Check the input openai-api-key (and openai-base-url, if you set it)."),
    "403": (error(403, None, "Project `proj_x` does not have access to model `gpt-6.2-sol`."), "failed", "Give the key's project access to the model in the input model."),
    "404": (error(404, "model_not_found", "The model `gpt-6.2-sol` does not exist."), "failed", MODEL),
    "no credit": (error(429, "insufficient_quota", "You exceeded your current quota."), "stopped", CREDIT),
    "no credit, with a hint to wait": (error(429, "insufficient_quota", "Please try again in 1s.", headers={"Retry-After": "1"}), "stopped", CREDIT),
    "no credit, in a stream": (failed("insufficient_quota", "You exceeded your current quota."), "stopped", CREDIT),
    "no credit, in an error event": (error_event("insufficient_quota", "You exceeded your current quota."), "stopped", CREDIT),
    "no credit, in a nested error event": (nested_error_event("insufficient_quota", "You exceeded your current quota."), "stopped", CREDIT),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "status", "cure"), FINAL.values(), ids=FINAL.keys())
def test_final_fault(stage, act, fault, status, cure):
    """A fault that stays ends the run at once: the cure is in the comment and the summary, the work is delivered.

    What the workflow's author must mend is a failure; from the rest another run goes on.
    """
    stage.openai.play(reply(PATCH), fault)
    result = act(stage.label(1))

    assert (1, status, 2) == (result.exit_code, result.outputs["status"], len(stage.openai.conversations))
    (comment,) = stage.repository.issues[1].comments
    assert f"**What to do:** {cure}" in comment.body
    assert f"**What to do:** {cure}" in result.summary
    assert "What was done so far is kept in #2." in comment.body
    assert "+    return a + b" in stage.repository.git("diff", "main", "ai-dev/issue-1")
    assert "Traceback" not in result.log


TOO_LONG = {
    "by its code": error(400, "context_length_exceeded", "Your input exceeds it."),
    "in words": error(400, None, "This model's maximum context length is 128000 tokens."),
    "in other words": error(400, "invalid_request_error", "Your input exceeds the context window of this model."),
    "in a stream": failed("context_length_exceeded", "Your input exceeds the context window."),
    "in a stream, in words": failed("server_error", "Your input exceeds the context window."),
    "in an error event": error_event("context_length_exceeded", "Your input exceeds the context window."),
    "in a nested error event": nested_error_event("context_length_exceeded", "Your input exceeds it."),
}


def texts(body):
    """What the user says in a request."""
    return [item["content"][0]["text"] for item in body["input"] if item.get("role") == "user"]


@pytest.mark.parametrize("fault", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_conversation_that_is_too_long(stage, act, fault):
    """A conversation that is too long goes on once from the task and the model's summary; no call is run twice."""
    counted = []

    def keep(body):
        counted.extend(last_outputs(body).values())
        return reply(say("Done."))

    stage.openai.play(
        reply(say("I look.", "commentary"), PATCH, COUNT), fault, reply(say("I patched.")), reply(COUNT), keep
    )
    result = act(stage.label(1))

    assert ["opened", "4"] == [result.outputs["status"], result.outputs["turns"]], result.log
    first, failing, summing, again, _ = stage.openai.conversations
    assert 4 == len({first["prompt_cache_key"], summing["prompt_cache_key"], again["prompt_cache_key"], ""})
    assert first["prompt_cache_key"] == failing["prompt_cache_key"]
    assert [first["instructions"], first["tools"]] == [summing["instructions"], summing["tools"]]
    assert ("none", None) == (summing["tool_choice"], again.get("tool_choice"))
    assert first["input"] == summing["input"][:-1] == again["input"][:-1]
    told = texts(summing)[-1]
    assert "[assistant] I look." in told
    assert "[call of run_command]" in told
    assert "[its answer] Exit code 0" in told
    assert texts(again)[-1].endswith("Go on from here.\n\nI patched.")
    assert counted[0].endswith("Output:\n\n2\n")
    assert 1 == result.log.count("The conversation is longer than the model can read: it goes on with a summary")
    assert "+    return a + b" in stage.repository.git("diff", "main", "ai-dev/issue-1")


def test_conversation_that_is_too_long_twice(stage, act):
    """When the conversation gets too long again the run is stopped, with what to do and the work kept."""
    fault = TOO_LONG["by its code"]
    stage.openai.play(reply(PATCH), fault, reply(say("I patched.")), reply(LOOK), fault)
    result = act(stage.label(1))

    assert (1, "stopped", 0) == (result.exit_code, result.outputs["status"], stage.openai.left)
    (comment,) = stage.repository.issues[1].comments
    assert "**What to do:** Split the issue, or use a model with a longer context." in comment.body
    assert "is kept in #2" in comment.body


def test_summary_that_is_too_long(stage, act):
    """When even the summary cannot be asked for, it is asked for once more from less; then the run is stopped."""
    fault = TOO_LONG["in words"]
    long = [reply(sh("yes 0123456789 | head -c 30000")) for _ in range(12)]
    stage.openai.play(reply(PATCH), *long, fault, fault, fault)
    result = act(stage.label(1))

    assert (1, "stopped", 0) == (result.exit_code, result.outputs["status"], stage.openai.left)
    more, less = (len(texts(body)[-1]) for body in stage.openai.conversations[-2:])
    assert 12_000 < less < 13_000 < more < 200_000
    assert "+    return a + b" in stage.repository.git("diff", "main", "ai-dev/issue-1")


@pytest.mark.parametrize("summary", [[], [COUNT]], ids=["nothing", "a call"])
def test_no_summary(stage, act, summary):
    """A model that gives no summary goes on from the task and the files, and no call of it is run."""
    stage.openai.play(
        reply(PATCH), TOO_LONG["by its code"], reply(*summary), reply(sh("cat /tmp/count")), reply(say("Done."))
    )
    result = act(stage.label(1))

    assert "opened" == result.outputs["status"]
    assert texts(stage.openai.conversations[3])[-1].endswith("(There is none.)")
    assert "No such file" in "".join(last_outputs(stage.openai.conversations[4]).values())


def test_task_that_is_too_long(stage, act):
    """A task that is too long by itself is not summed up: the run is stopped at once."""
    stage.openai.play(TOO_LONG["by its code"])
    result = act(stage.label(1))

    assert ("stopped", 1) == (result.outputs["status"], len(stage.openai.conversations))


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_replies_that_are_cut_off(stage, act, reason):
    """After three replies in a row that were cut off the run is stopped; what was whole of them was done, once."""
    cut = reply(COUNT, say("half"), status="incomplete", incomplete_reason=reason)
    stage.openai.play(reply(PATCH), cut, cut, reply(COUNT), cut, cut, cut)
    result = act(stage.label(1))

    assert (1, "stopped", 0) == (result.exit_code, result.outputs["status"], stage.openai.left)
    (comment,) = stage.repository.issues[1].comments
    assert "3 replies of the model in a row were cut off." in comment.body
    assert f"> {reason}" in comment.body
    assert ["1\n", "2\n", "3\n", "4\n", "5\n", "6\n"][:5] == [
        item["output"].rpartition("\n\n")[2]
        for item in stage.openai.conversations[-1]["input"]
        if item.get("output", "").endswith("\n")
    ]
    assert "+    return a + b" in stage.repository.git("diff", "main", "ai-dev/issue-1")


def test_a_call_that_was_cut_off_may_be_whole(stage, act):
    """A call in which a reply was cut off is not run, even if it can be read: nobody knows what was to follow."""
    stage.openai.play(reply(COUNT, status="incomplete"), reply(sh("cat /tmp/count")), reply(say("Done.")))
    act(stage.label(1))

    answers = ["".join(last_outputs(body).values()) for body in stage.openai.conversations[1:]]
    assert "The arguments of run_command cannot be read. The reply was cut off in them" in answers[0]
    assert "No such file" in answers[1]


def test_error_is_shown_inert(stage, act):
    """What the service says is hostile: keys are hidden, and nothing in it is live."""
    key = stage.openai.keys[0]
    stage.openai.play(error(403, None, f"Key {key}\n::error::x <img src=x> @you closes #7"))
    result = act(stage.label(1))

    (comment,) = stage.repository.issues[1].comments
    for text in (comment.body, result.summary, result.log.replace(f"::add-mask::{key}", "")):
        assert key not in text
        assert "Key ***" in text
    assert "\n::error::x" not in result.log
    assert "@you" not in comment.body
    assert "#7" not in comment.body
    assert "<img" not in comment.body


@pytest.mark.parametrize(
    ("status", "names", "message"),
    [
        (400, ["include"], "Unknown parameter: 'include'."),
        (422, ["prompt_cache_key"], "prompt_cache_key: Extra inputs are not permitted"),
        (400, ["include", "prompt_cache_key"], "Unrecognized request arguments supplied: include, prompt_cache_key"),
    ],
    ids=["one", "the other", "both"],
)
def test_parameters_that_a_server_lacks(stage, act, status, names, message):
    """A parameter that a server does not know is left out, at once and from then on, and the run goes on."""
    stage.openai.play(error(status, None, message), reply(PATCH), reply(say("Done.")))
    result = act(stage.label(1))

    assert "opened" == result.outputs["status"]
    first, *later = stage.openai.conversations
    assert set(names) <= first.keys()
    for body in later:
        assert {name: value for name, value in first.items() if name not in [*names, "input"]} == {
            name: value for name, value in body.items() if name != "input"
        }


def test_both_parameters_one_after_the_other(stage, act):
    """Two unknown parameters may also be named one after the other; a third complaint is the end."""
    complaints = [
        error(400, None, f"Unknown parameter: '{name}'.") for name in ("include", "prompt_cache_key", "include")
    ]
    stage.openai.play(*complaints)
    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert 3 == len(stage.openai.conversations)


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param({}, id="none"),
        pytest.param({"input_tokens_details": None}, id="no details"),
        pytest.param({"input_tokens_details": {}}, id="empty details"),
        pytest.param({"input_tokens_details": {"cached_tokens": None}}, id="no number"),
    ],
)
def test_usage_of_other_servers(stage, act, usage):
    """A server that tells its usage only in part, or not at all, is good enough."""
    stage.openai.play(reply(say("It is fine."), usage=usage))
    result = act(stage.label(1))

    assert ["answered", "0"] == [result.outputs["status"], result.outputs["cached-tokens"]]


def test_request(stage, act):
    """Each request is stateless and streamed, and carries nothing that not every server takes."""
    stage.openai.play(reply(say("It is fine.")))
    act(stage.label(1, inputs={"model": "other/model:free", "reasoning-effort": "low"}))

    (sent,) = stage.openai.requests("POST", "/v1/responses")
    body = json.loads(bytes(sent.body))
    assert {
        "model": "other/model:free",
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": True,
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
    }.items() <= body.items()
    assert {"instructions", "tools", "input", "prompt_cache_key"} == body.keys() - {
        "model", "reasoning", "parallel_tool_calls", "store", "stream", "include",
    }  # fmt: skip
    assert all(tool["strict"] for tool in body["tools"])
