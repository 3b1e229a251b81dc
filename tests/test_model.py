"""The model's server: what is sent to it, what is taken from it, and answers that no server should give."""

import contextlib
import gzip
import json
import threading
import time
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from ai_dev.conversation import Conversation
from ai_dev.errors import Service, ServiceError, passing
from ai_dev.model import Call, Model, Terms, describe, name_of
from ai_dev.prices import Usage
from ai_dev.settings import Settings
from ai_dev.tools import TOOLS
from standins.openai import (
    OpenAI,
    Page,
    Reply,
    call,
    dropped,
    error,
    error_event,
    failed,
    garbage,
    reply,
    say,
    stalled,
    think,
    truncated,
    unknown_item,
)

KEY = "sk-test-0123456789"
KEYS = {"INPUT_GITHUB-TOKEN": "x", "INPUT_E2B-API-KEY": "x", "INPUT_OPENAI-API-KEY": KEY}


class LookUp(BaseModel):
    """Look a word up.

    Only one.
    """

    word: str = Field(description="The word.")
    limit: int | None = Field(None, description="How many.")


@pytest.fixture
def server():
    """A server that plays a script."""
    with OpenAI(keys=[KEY]) as service:
        yield service


@pytest.fixture
def model(server):
    """A model at that server, with one tool."""
    settings = Settings.load(KEYS | {"INPUT_OPENAI-BASE-URL": f"{server.url}/v1"})
    with contextlib.closing(Model(settings, "Be brief.", [LookUp])) as opened:
        yield opened


def ask(model, text="Hello"):
    """Ask once."""
    conversation = Conversation()
    conversation.ask(text)
    return model.ask(conversation, Terms(time.monotonic()))


def test_reply_is_taken_whole(server, model):
    """Text, calls, tokens and every item, unknown ones too, come out as the server sent them."""
    server.play(reply(think("Hm."), unknown_item("surprise"), say("On it."), call("look_up", word="é")))

    answer = ask(model)

    assert ("On it.", "", True) == (answer.text, answer.refusal, answer.final)
    assert [("look_up", {"word": "é"})] == [(c.name, json.loads(c.arguments)) for c in answer.calls]
    assert 4 == len(answer.items)
    assert answer.usage.input > 0 < answer.usage.output
    assert [] == server.problems


def test_request_is_stateless_and_stable(server, model):
    """A request holds all that was said, asks for nothing to be kept, and begins with the same bytes each time."""
    server.play(reply(say("1")), reply(say("2")))
    ask(model, "one")
    ask(model, "two")

    first, second = (bytes(sent.body) for sent in server.requests("POST", "/responses$"))
    at = first.index(b'"prompt_cache_key":')
    assert first[:at] == second[:at]
    assert (False, True, "Be brief.") == tuple(json.loads(first)[name] for name in ("store", "stream", "instructions"))
    assert not {"temperature", "top_p", "previous_response_id"} & set(json.loads(first))


def test_unknown_parameters_are_left_out(server, model):
    """A server that does not know what only OpenAI knows is asked without it, then and from then on."""
    server.play(
        error(400, "unknown_parameter", "Unrecognized request argument supplied: include"),
        error(422, "extra", "prompt_cache_key: Extra inputs are not permitted"),
        reply(say("1")),
        reply(say("2")),
    )

    assert ["1", "2"] == [ask(model).text, ask(model).text]
    bodies = [sent.json for sent in server.requests("POST", "/responses$")]
    assert [True, False, False, False] == ["include" in body for body in bodies]
    assert [True, True, False, False] == ["prompt_cache_key" in body for body in bodies]


def test_schema_is_strict_and_constant():
    """A tool's schema is its docstring and its fields, strict, and the same bytes each time."""
    described = describe(LookUp)

    assert ("look_up", "Look a word up.\n\nOnly one.", True) == (
        described["name"],
        described["description"],
        described["strict"],
    )
    assert {
        "type": "object",
        "description": "Look a word up.\n\nOnly one.",
        "properties": {
            "word": {"type": "string", "description": "The word."},
            "limit": {"description": "How many.", "anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["word", "limit"],
        "additionalProperties": False,
    } == described["parameters"]
    assert json.dumps(described) == json.dumps(describe(LookUp))


@pytest.mark.parametrize("tool", TOOLS, ids=name_of)
def test_tools_are_strict(tool):
    """Every tool of ours fits strict mode: all objects closed, all fields required and described, no default."""

    def check(schema):
        assert not {"default", "title", "$ref", "$defs"} & set(schema)
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False
            assert list(schema["properties"]) == schema["required"]
        for field in schema.get("properties", {}).values():
            assert field["description"]
            check(field)
        for inner in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
            check(inner)

    check(describe(tool)["parameters"])


def stream(*events):
    """A body of events as they are."""
    return "".join(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events)


DONE = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [], "usage": None}}


def item(**fields):
    """An item that is done, and the end."""
    return stream({"type": "response.output_item.done", "output_index": 0, "item": fields}, DONE)


@pytest.mark.parametrize(
    "body",
    [
        stream("5"),
        stream("null"),
        stream("[]"),
        stream('"text"'),
        stream("{"),
        stream("{}"),
        stream({"type": 5}),
        stream({"type": "response.completed"}),
        stream({"type": "response.completed", "response": None}),
        stream({"type": "response.output_item.done"}, DONE),
        stream({"type": "response.output_item.done", "item": None}, DONE),
        stream({"type": "response.output_item.done", "item": "x"}, DONE),
        stream({"type": "response.failed"}),
        stream({"type": "response.failed", "response": {"error": None}}),
        stream({"type": "error"}),
        stream({"error": {"message": "why", "code": 5}}),
        stream({"error": "why"}),
        stream("[DONE]"),
        "",
        "\x00\xff",
        "data",
        stream("[" * 100_000),
    ],
    ids=lambda body: body[:60].strip() or "nothing",
)
def test_streams_without_an_end(server, model, body):
    """A stream that does not end as one should is a failure of the service, never a reply, never a bug."""
    server.fail("POST", "/responses$", status=200, body=body, headers={"Content-Type": "text/event-stream"})

    with pytest.raises(ServiceError) as raised:
        ask(model)

    assert Service.OPENAI is raised.value.failure.service


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (stream(DONE), {"text": "", "calls": (), "usage": None}),
        (stream({"type": "response.completed", "response": {}}), {"final": False}),
        (item(type="message"), {"text": ""}),
        (item(type="message", content=None), {"text": ""}),
        (item(type="message", content=[None, "x", {"type": "output_text"}]), {"text": ""}),
        (item(type="message", content=[{"type": "output_text", "text": "\ud800x"}]), {"text": "\ud800x"}),
        (item(type="function_call", call_id="c", name="n"), {"calls": (Call("c", "n", "None"),)}),
        (item(type="function_call", call_id="c", name="n", arguments=None), {"calls": (Call("c", "n", "None"),)}),
        (stream("5", {"type": "response.unheard_of"}, DONE)[9:], {"text": ""}),
        (
            stream(DONE | {"response": {"status": "completed", "usage": {"input_tokens": 3, "output_tokens": None}}}),
            {"usage": None},
        ),
    ],
    ids=["empty", "no status", "no content", "null", "odd parts", "surrogate", "call", "null call", "unknown", "usage"],
)
def test_odd_replies_are_taken(server, model, body, expected):
    """What other servers leave out, or add, does not stop a run."""
    server.fail(
        "POST", "/responses$", status=200, body=body, headers={"Content-Type": "text/event-stream; charset=utf-8"}
    )

    answer = ask(model)

    assert expected == {name: getattr(answer, name) for name in expected}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"input_tokens": 0, "output_tokens": 0}, None),
        ({"input_tokens": -5, "output_tokens": 3}, None),
        ({"input_tokens": 5.5, "output_tokens": 3}, None),
        ({"input_tokens": "5", "output_tokens": 3}, None),
        ({"input_tokens": 10**9, "output_tokens": 3}, None),
        ({"input_tokens": 5, "output_tokens": -3}, None),
        ({"input_tokens": 5, "output_tokens": 0}, Usage(5, 0, 0)),
        ({"input_tokens": 5, "output_tokens": 3, "input_tokens_details": []}, Usage(5, 0, 3)),
        ({"input_tokens": 5, "output_tokens": 3, "input_tokens_details": {"cached_tokens": "4"}}, Usage(5, 0, 3)),
        (
            {
                "input_tokens": 5,
                "output_tokens": 3,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 9},
            },
            Usage(5, 4, 3, 1),
        ),
        (
            {"input_tokens": 5, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 9}},
            Usage(5, 5, 3),
        ),
    ],
    ids=str,
)
def test_odd_usage(server, model, told, expected):
    """What cannot be a number of tokens is taken as not told, so that it makes neither a bug nor work that is free."""
    done = DONE | {"response": {"status": "completed", "usage": told}}
    server.fail("POST", "/responses$", status=200, body=stream(done), headers={"Content-Type": "text/event-stream"})

    assert expected == ask(model).usage


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((429, {"message": "x", "code": "rate_limit_exceeded"}, {"Retry-After": "7"}), ("rate_limit_exceeded", 7)),
        ((429, {"message": "Please try again in 1.5s.", "code": None}, {}), ("", 1.5)),
        ((429, {"message": "Please try again in 20ms.", "code": "x"}, {"Retry-After": "soon"}), ("x", 0.02)),
        ((429, {"message": "x", "code": "x"}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), ("x", 0)),
        ((429, {"message": "x", "code": "x"}, {"Retry-After": "-1"}), ("x", None)),
        ((429, {"message": "x", "code": "insufficient_quota"}, {}), ("insufficient_quota", None)),
        ((400, {"message": "This model's maximum context length is 5"}, {}), ("context_length_exceeded", None)),
        ((400, {"message": "x", "code": 5}, {}), ("5", None)),
        ((401, "Wrong key", {}), ("", None)),
        ((404, None, {}), ("", None)),
        ((500, [], {}), ("", None)),
    ],
    ids=str,
)
def test_refusals(server, model, answer, expected):
    """A refusal keeps its status, its code and the time that it asks us to wait, whatever its form."""
    status, told, headers = answer
    server.fail("POST", "/responses$", status=status, body={"error": told}, headers=headers)

    with pytest.raises(ServiceError) as raised:
        ask(model)

    failure = raised.value.failure
    assert (status, *expected) == (failure.status, failure.code, failure.wait)


@pytest.mark.parametrize("body", ["", "<html>", "[1]", "5"])
def test_errors_that_are_no_json_objects(server, model, body):
    """A gateway's error page is a failure with its status."""
    server.fail("POST", "/responses$", status=502, body=body)

    with pytest.raises(ServiceError) as raised:
        ask(model)

    assert 502 == raised.value.failure.status


def test_key_stays_out_of_failures(server, model):
    """A failure does not quote the key that was sent, unless the server does: the report hides that."""
    server.fail("POST", "/responses$", drop=True)

    with pytest.raises(ServiceError) as raised:
        ask(model)

    assert KEY not in str(raised.value)


def test_usage_adds_up():
    """Tokens of many replies add up."""
    assert Usage(4, 2, 6, 5) == Usage(1, 2, 3, 4) + Usage(3, 0, 3, 1)


def test_a_reply_has_a_deadline(server, model):
    """A server that sends a little now and then does not hold the run behind its end."""

    def drip(chunks):
        yield next(chunks)
        while not over.wait(0.02):
            yield b": still here\n\n"

    over = threading.Event()
    server.play(Reply(ending=drip))
    conversation = Conversation()
    conversation.ask("Hello")
    try:
        with pytest.raises(ServiceError, match="time of the run was up"):
            model.ask(conversation, Terms(time.monotonic() - 119.5))
    finally:
        over.set()


def test_a_silent_server_is_left(server, model):
    """A stream that falls silent is a failure of the service, once all the time is over that it had."""
    over = threading.Event()
    server.play(stalled(over))
    conversation = Conversation()
    conversation.ask("Hello")
    try:
        with pytest.raises(ServiceError) as raised:
            model.ask(conversation, Terms(time.monotonic() - 119.5))
    finally:
        over.set()
    assert passing(raised.value.failure)
    assert 0 == raised.value.failure.written


@pytest.mark.parametrize(
    ("step", "written"),
    [
        (dropped(say("x" * 400), after_events=5), 100),
        (dropped(say("x" * 400), say("y"), after_events=10), range(400, 900)),
        (truncated(think("x"), after_events=3), 0),
        (failed(), 0),
        (error_event(), 0),
        (error(500), None),
        (Page(200, "", "text/event-stream"), None),
        (garbage(), None),
    ],
    ids=["half an item", "an item", "the beginning of one", "failed", "an error", "no stream", "nothing", "HTML"],
)
def test_what_was_written_before_it_broke(server, model, step, written):
    """Of a reply that breaks off the failure says how much had come; where none had begun it says nothing."""
    server.play(step)

    with pytest.raises(ServiceError) as raised:
        ask(model)

    told = raised.value.failure.written
    assert told in written if isinstance(written, range) else told == written


def test_terms_are_what_is_asked(server, model):
    """A request says how long its reply may be, and whether tools may be called, only where that is limited."""
    server.play(reply(say("1")), reply(say("2")))
    conversation = Conversation()
    conversation.ask("Hello")
    model.ask(conversation, Terms(time.monotonic() + 60))
    model.ask(conversation, Terms(time.monotonic() + 60, 500, "none"))

    free, limited = (sent.json for sent in server.requests("POST", "/responses$"))
    assert {"max_output_tokens": 500, "tool_choice": "none"} == {k: v for k, v in limited.items() if k not in free}
    assert free["prompt_cache_key"] == limited["prompt_cache_key"] == conversation.key


def count_files():
    """How many files and connections are open in this process, which is the server too."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_stays_open(server):
    """However its requests end, a model that is closed leaves no file and no connection behind."""
    before = count_files()
    for step in (reply(say("1")), dropped(), error(500), truncated(), Page(200, "x", "text/html")) * 4:
        server.play(step)
        settings = Settings.load(KEYS | {"INPUT_OPENAI-BASE-URL": f"{server.url}/v1"})
        with contextlib.closing(Model(settings, "Be brief.", [LookUp])) as opened, contextlib.suppress(ServiceError):
            ask(opened)

    patience = time.monotonic() + 30  # the server closes its ends in threads of its own
    while count_files() > before and time.monotonic() < patience:
        time.sleep(0.01)
    assert count_files() <= before


def test_items_are_bounded(server, model):
    """A reply of more items than any is none."""
    server.play(reply(*[say("x")] * 1001))

    with pytest.raises(ServiceError, match="more than 1000 items"):
        ask(model)


def test_compressed_replies_are_not_expanded(server, model):
    """Nobody asked for compression: what comes compressed is not a stream of events, whatever it would become."""
    body = gzip.compress(item(type="message").encode())
    headers = {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}
    server.fail("POST", "/responses$", status=200, body=body, headers=headers)

    with pytest.raises(ServiceError):
        ask(model)
    assert "identity" == server.journal[0].headers["Accept-Encoding"]


def test_long_errors_are_bounded(server, model):
    """An error's page is as bounded as a reply."""
    server.fail("POST", "/responses$", status=500, body=b"x" * (17 << 20))

    with pytest.raises(ServiceError, match="MiB"):
        ask(model)


@pytest.mark.parametrize("depth", [10, 300, 900, 3000])
def test_nested_items(server, model, depth):
    """An item that is nested deeply is taken with all that comes later of it, or is a failure of the service."""
    odd = '{"type": "odd", "x": ' + "[" * depth + "]" * depth + "}"
    event = '{"type": "response.output_item.done", "output_index": 0, "item": ' + odd + "}"
    server.fail(
        "POST", "/responses$", status=200, body=stream(event, DONE), headers={"Content-Type": "text/event-stream"}
    )
    conversation = Conversation()
    conversation.ask("Hello")

    try:
        conversation.replay(model.ask(conversation, Terms(time.monotonic())).items)
    except ServiceError:
        assert depth > 100
