"""The OpenAI stand-in against the real client: what it plays arrives, and what breaks the rules is found."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseCompletedEvent, ResponseIncompleteEvent, ResponseStreamEvent

from standins.openai import (
    OpenAI,
    Step,
    bad_json,
    call,
    dropped,
    error,
    error_event,
    failed,
    garbage,
    last_outputs,
    nested_error_event,
    raw_call,
    refuse,
    reply,
    say,
    stalled,
    think,
    truncated,
    unknown_item,
)

Json = dict[str, Any]

READ_FILE: Json = {
    "type": "function",
    "name": "read_file",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "line": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        },
        "required": ["path", "line"],
        "additionalProperties": False,
    },
}
TASK: Json = {"role": "user", "content": "Fix the bug."}


@pytest.fixture
def service() -> Iterator[OpenAI]:
    """Serve one model."""
    with OpenAI(models=["gpt-6.2-sol"]) as service:
        yield service


@cache
def transport() -> openai.DefaultHttpxClient:
    """Build the HTTP client that all tests share: it takes longer than a test."""
    return openai.DefaultHttpxClient(trust_env=False)


@pytest.fixture(scope="module")
def refusing() -> Iterator[OpenAI]:
    """Serve requests that are all refused, so that none changes anything for the next."""
    with OpenAI() as service:
        service.play(reply(say("Done.")))
        yield service


def connect(service: OpenAI, key: str = "sk-test") -> openai.OpenAI:
    """Build a real client that tries once."""
    return openai.OpenAI(base_url=f"{service.url}/v1", api_key=key, max_retries=0, timeout=5, http_client=transport())


def request(*items: Json, **changes: Any) -> Json:
    """Build a request as it should be, with these changes."""
    return {
        "model": "gpt-6.2-sol",
        "instructions": "Be brief.",
        "input": list(items) or [TASK],
        "tools": [READ_FILE],
        "store": False,
        "prompt_cache_key": "run-1",
        "reasoning": {"effort": "medium"},
        **changes,
    }


def stream(service: OpenAI, body: Json) -> list[ResponseStreamEvent]:
    """Collect a streamed reply's events."""
    with connect(service).responses.create(**body, stream=True) as events:
        return list(events)


def output(events: list[ResponseStreamEvent]) -> list[Json]:
    """Get the items as a client has to keep them."""
    return [e.item.to_dict(mode="json") for e in events if e.type == "response.output_item.done"]


def answer_to(item: Json, text: str | list[Json] = "ok") -> Json:
    """Build a tool's answer to a call."""
    return {"type": "function_call_output", "call_id": item["call_id"], "output": text}


def test_streams_every_kind_of_item(service: OpenAI) -> None:
    """Every item arrives whole, and the deltas add up to it."""
    text = "Grüße:\u2028 all 12 tests pass 🎉"
    service.play(
        reply(
            think("**Looking**"),
            think(),
            call("read_file", path="ä.py", line=None),
            raw_call("read_file", '{"path": '),
            say("One moment.", phase="commentary"),
            say(text),
            say("Old style.", phase=None),
            refuse("I will not."),
            unknown_item("daydream_call", dream={"depth": 2}),
        )
    )
    events = stream(service, request())
    assert list(range(len(events))) == [e.sequence_number for e in events]
    assert [e.type for e in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1].type == "response.completed"
    items = output(events)
    assert items == [item.to_dict(mode="json") for item in events[-1].response.output]
    assert [i["id"].split("_")[0] for i in items] == ["rs", "rs", "fc", "fc", "msg", "msg", "msg", "msg", "item"]
    assert all(i["encrypted_content"].startswith("gAAAA") for i in items[:2])
    assert json.loads(items[2]["arguments"]) == {"path": "ä.py", "line": None}
    assert items[2]["call_id"].startswith("call_")
    assert items[3]["arguments"] == '{"path": '
    assert [i.get("phase") for i in items[4:8]] == ["commentary", "final_answer", None, None]
    assert items[8]["dream"] == {"depth": 2}
    joined = {
        kind: "".join(e.delta for e in events if e.type == kind)
        for kind in (
            "response.reasoning_summary_text.delta",
            "response.function_call_arguments.delta",
            "response.output_text.delta",
            "response.refusal.delta",
        )
    }
    said = "One moment." + text + "Old style."
    assert ["**Looking**", items[2]["arguments"] + '{"path": ', said, "I will not."] == list(joined.values())
    assert service.problems == []


def test_events_of_one_message(service: OpenAI) -> None:
    """A message's events come in OpenAI's order."""
    service.play(reply(say("Hi")))
    kinds = [e.type.removeprefix("response.") for e in stream(service, request())]
    assert kinds == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_answers_in_one_piece(service: OpenAI) -> None:
    """A request that does not ask for a stream gets the whole response."""
    service.play(reply(think(), call("read_file", path="a.py", line=1)), failed())
    response = connect(service).responses.create(**request())
    assert isinstance(response, Response)
    assert response.status == "completed"
    assert [item.type for item in response.output] == ["reasoning", "function_call"]
    failure = connect(service).responses.create(**request(*[TASK], prompt_cache_key="run-2"))
    assert failure.error is not None
    assert failure.error.code == "server_error"
    assert service.problems == []


def test_takes_a_ready_made_body(service: OpenAI) -> None:
    """The client's lower-level way in works, too."""
    service.play(reply(say("Done.")))
    events: openai.Stream[Any] = connect(service).post(
        "/responses",
        cast_to=Response,
        body={**request(), "stream": True},
        stream=True,
        stream_cls=openai.Stream[ResponseStreamEvent],
    )
    assert [e.type for e in events][-1] == "response.completed"
    assert service.problems == []


def test_holds_a_conversation_with_tools(service: OpenAI) -> None:
    """The second step can be computed from the tools' answers; unknown items and reasoning come back unharmed."""
    service.play(
        reply(think("Look."), call("read_file", "call_a", path="a.py"), call("read_file", "call_b", path="b.py")),
        lambda body: reply(say(" and ".join(f"{k}: {v}" for k, v in last_outputs(body).items()))),
    )
    first = output(stream(service, request()))
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}
    answers = [
        answer_to(first[1], "x = 1"),
        answer_to(first[2], [{"type": "input_text", "text": "a picture"}, picture]),
    ]
    note = {"role": "developer", "content": [{"type": "input_text", "text": "3 turns are left."}]}
    assert service.left == 1
    events = stream(service, request(TASK, *first, *answers, note))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "call_a: x = 1 and call_b: a picture"
    assert service.problems == []
    assert [len(body["input"]) for body in service.conversations] == [1, 7]


def test_unknown_items_may_be_sent_back(service: OpenAI) -> None:
    """What the model made is accepted in the next request, whatever its type."""
    service.play(reply(unknown_item("daydream_call", dream=[1]), say("Hm.")), reply(say("Done.")))
    first = output(stream(service, request()))
    stream(service, request(TASK, *first, {"role": "user", "content": "Go on."}))
    assert service.problems == []


def test_one_step_can_be_played_twice(service: OpenAI) -> None:
    """A step is a form: ids and call ids are made anew each time."""
    service.play(*[reply(call("read_file", path="a.py"))] * 2, reply(say("Done.")))
    items = [TASK]
    for _ in range(2):
        made = output(stream(service, request(*items)))
        items += [*made, answer_to(made[0])]
    stream(service, request(*items))
    assert service.problems == []


def test_usage_is_plausible(service: OpenAI) -> None:
    """Tokens grow with the bytes, and what was sent before is cached in blocks of 128."""
    service.play(reply(think(), call("read_file", path="a.py")), reply(say("Done.")))
    long = {"role": "user", "content": "word " * 1000}
    first = stream(service, request(long))
    made = output(first)
    second = stream(service, request(long, *made, answer_to(made[1])))
    one, two = (e.response.usage for events in (first, second) for e in events if e.type == "response.completed")
    assert one is not None
    assert two is not None
    assert one.input_tokens_details.cached_tokens == 0
    assert 1300 < one.input_tokens < two.input_tokens < 1900
    assert two.input_tokens_details.cached_tokens == 1280
    assert 0 < one.output_tokens_details.reasoning_tokens < one.output_tokens
    assert one.total_tokens == one.input_tokens + one.output_tokens


def test_usage_can_be_set(service: OpenAI) -> None:
    """A script can say what a reply costs, or that nothing is known about it."""
    service.play(reply(say("1"), usage={"input_tokens": 300_000}, cached=1024), reply(say("2"), usage={}))
    usage = connect(service).responses.create(**request()).usage
    assert usage is not None
    assert usage.total_tokens > 300_000
    assert usage.input_tokens_details.cached_tokens == 1024
    assert connect(service).responses.create(**request(prompt_cache_key="other")).usage is None


def test_an_incomplete_reply_may_be_kept_or_asked_for_again(service: OpenAI) -> None:
    """A reply cut off by a limit ends the stream in its own way."""
    service.play(*[reply(say("Half a sen"), status="incomplete")] * 2, reply(say("Done.")))
    events = stream(service, request())
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details is not None
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"
    kept = output(stream(service, request()))
    assert kept[0]["status"] == "incomplete"
    stream(service, request(TASK, *kept, {"role": "user", "content": "Go on."}))
    assert service.problems == []


@pytest.mark.parametrize(
    ("step", "kind", "status"),
    [
        (error(429, "rate_limit_exceeded", "Try again in 1.2s.", {"Retry-After": "2"}), openai.RateLimitError, 429),
        (error(429, "insufficient_quota", "You exceeded your quota."), openai.RateLimitError, 429),
        (error(400, "context_length_exceeded", "Too long."), openai.BadRequestError, 400),
        (error(503), openai.InternalServerError, 503),
    ],
)
def test_http_errors(service: OpenAI, step: Step, kind: type[openai.APIStatusError], status: int) -> None:
    """An HTTP error has OpenAI's form, so that the client raises its own exception."""
    service.play(step, reply(say("Done.")))
    with pytest.raises(kind) as caught:
        stream(service, request())
    assert caught.value.status_code == status
    assert isinstance(caught.value.body, dict)
    assert {"message", "type", "param", "code"} == caught.value.body.keys()
    assert stream(service, request())[-1].type == "response.completed"
    assert service.problems == []


def test_failed_and_error_events(service: OpenAI) -> None:
    """Failures inside a stream arrive as events, and the retry meets the next step."""
    service.play(failed("rate_limit_exceeded", "Later."), error_event(None, "Oops."), nested_error_event(message="No."))
    failure, flat = (stream(service, request())[-1] for _ in range(2))
    assert failure.type == "response.failed"
    assert failure.response.error is not None
    assert failure.response.error.code == "rate_limit_exceeded"
    assert flat.type == "error"
    assert (flat.message, flat.sequence_number) == ("Oops.", 2)
    with pytest.raises(openai.APIError, match=r"No\."):
        stream(service, request())
    assert service.problems == []


def test_broken_answers(service: OpenAI) -> None:
    """Streams that end too early, and answers that are no streams."""
    service.play(dropped(say("Hi")), truncated(after_events=3), bad_json(), garbage(), garbage(), reply(say("Done.")))
    with pytest.raises(openai.APIConnectionError):
        stream(service, request())
    assert [e.type for e in stream(service, request())] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
    ]
    with pytest.raises(ValueError, match="Expecting"):
        stream(service, request())
    assert stream(service, request()) == []
    assert isinstance(connect(service).responses.create(**request()), str)
    assert stream(service, request())[-1].type == "response.completed"
    assert service.problems == []


def test_a_stalled_stream_goes_on_when_told(service: OpenAI) -> None:
    """A stream falls silent until the test lets it go on."""
    go_on = threading.Event()
    service.play(stalled(go_on, say("Slow."), after_events=2))
    with connect(service).responses.create(**request(), stream=True) as events:
        assert [next(events).type, next(events).type] == ["response.created", "response.in_progress"]
        go_on.set()
        assert [e.type for e in events][-1] == "response.completed"


def test_a_client_may_give_up_on_a_stalled_stream(service: OpenAI) -> None:
    """The retry meets the next step, and what the stalled one does later is of no matter."""
    never = threading.Event()
    service.play(stalled(never, say("Slow.")), reply(say("Quick.")), reply(say("Done.")))
    with connect(service).responses.create(**request(), stream=True) as events:
        next(events)
    made = output(stream(service, request()))
    never.set()
    stream(service, request(TASK, *made, {"role": "user", "content": "Go on."}))
    assert service.problems == []


def test_keeps_conversations_apart(service: OpenAI) -> None:
    """Two conversations at the same time have nothing to do with each other."""
    service.play(*[reply(call("read_file", path="a.py"))] * 2, *[reply(say("Done."))] * 2)
    made = {key: output(stream(service, request(prompt_cache_key=key))) for key in ("main", "colleague")}
    for key, items in made.items():
        stream(service, request(TASK, *items, answer_to(items[0]), prompt_cache_key=key))
    assert service.problems == []


def test_a_script_that_is_used_up_is_a_problem(service: OpenAI) -> None:
    """A request without a step fails and is noted; so is a step that raises."""

    def surprise(_: Json) -> Step:
        raise LookupError("not here")

    service.play(surprise)
    for words in ("not here", "used up"):
        with pytest.raises(openai.InternalServerError, match=words):
            stream(service, request())
        assert words in service.problems[-1]


def test_an_unknown_key_is_refused_without_repeating_it(service: OpenAI) -> None:
    """The key in OpenAI's message is shortened."""
    with pytest.raises(openai.AuthenticationError) as caught:
        connect(service, "sk-proj-0123456789abcdef").responses.create(**request())
    assert caught.value.code == "invalid_api_key"
    assert "sk-proj-************cdef" in caught.value.message
    assert len(service.problems) == 1
    assert service.conversations == []


def tool(**changes: Any) -> Json:
    """Build the tool with other parameters."""
    changed = copy.deepcopy(READ_FILE)
    changed["parameters"].update(changes)
    return changed


CALL: Json = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read_file", "arguments": "{}"}
OUTPUT: Json = {"type": "function_call_output", "call_id": "call_1", "output": "x"}
THOUGHT: Json = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABforged=="}
NESTED: Json = {"type": "object", "properties": {"x": {}}, "required": [], "additionalProperties": False}


@pytest.mark.parametrize(
    ("body", "words", "param"),
    [
        (request(temperature=0.2), "'temperature' is not supported", "temperature"),
        (request(top_p=0.9), "'top_p' is not supported", "top_p"),
        (request(top_logprobs=2), "'top_logprobs' is not supported", "top_logprobs"),
        (request(reasoning={"effort": "none"}), "Unsupported value: 'none'", "reasoning.effort"),
        (request(previous_response_id="resp_1"), "'resp_1' not found", "previous_response_id"),
        (request(max_tokens=5), "Unknown parameter: 'max_tokens'", "max_tokens"),
        (request(max_output_tokens=15), "Invalid 'max_output_tokens'", "max_output_tokens"),
        (request(input=[]), "Missing required parameter: 'input'", "input"),
        (request(TASK, CALL), "No tool output found for function call call_1.", "input"),
        (request(TASK, OUTPUT), "No tool call found for function call output with call_id call_1.", "input"),
        (request(TASK, OUTPUT, CALL), "No tool call found", "input"),
        (request(TASK, CALL, OUTPUT, CALL, OUTPUT), "Duplicate item found with id fc_1", "input"),
        (request(TASK, {**CALL, "async_": None}, OUTPUT), "Unknown parameter: 'input[1].async_'", "input[1].async_"),
        (request(TASK, {**CALL, "id": "call_1"}, OUTPUT), "begins with 'fc'", "input[1].id"),
        (request(TASK, CALL, {**OUTPUT, "output": {}}), "Invalid type for 'input[2].output'", "input[2].output"),
        (request(TASK, {"type": "daydream_call"}), "Invalid value: 'daydream_call'", "input[1].type"),
        (request({"role": "tool", "content": "x"}), "Invalid value: 'tool'", "input[0].role"),
        (request({"role": "user"}), "Missing required parameter: 'input[0].content'", "input[0].content"),
        (
            request({"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}),
            "Invalid value: 'input_text'",
            "input[0].content[0]",
        ),
        (request(TASK, THOUGHT), "encrypted content gAAA...ed== could not be verified", None),
        (
            request(tools=[tool(required=["path"])]),
            "In context=(), 'required' is required to be supplied and to be an array including every key",
            "tools[0].parameters",
        ),
        (request(tools=[tool(additionalProperties=True)]), "'additionalProperties' is required", "tools[0].parameters"),
        (
            request(tools=[tool(properties={"path": NESTED, "line": {}})]),
            "In context=('properties', 'path'), 'required'",
            "tools[0].parameters",
        ),
        (
            request(tools=[tool(properties={"path": {"type": "string", "default": "."}, "line": {}})]),
            "In context=('properties', 'path'), 'default' is not permitted.",
            "tools[0].parameters",
        ),
    ],
)
def test_refuses_what_openai_refuses(refusing: OpenAI, body: Json, words: str, param: str | None) -> None:
    """The answer is 400 in OpenAI's words, the problem is noted, and the script does not move on."""
    known = len(refusing.problems)
    with pytest.raises(openai.BadRequestError) as caught:
        connect(refusing).post("/responses", cast_to=Response, body=body)
    assert words in caught.value.message
    assert caught.value.param == param
    assert any(words in problem for problem in refusing.problems[known:])
    assert refusing.left == 1


def test_refuses_an_unknown_model_and_forgotten_reasoning(service: OpenAI) -> None:
    """Two refusals have the status 404."""
    for body, words in (
        (request(model="gpt-0"), "`gpt-0` does not exist"),
        (request(TASK, {**THOUGHT, "encrypted_content": None}), "Item with id 'rs_1' not found"),
    ):
        with pytest.raises(openai.NotFoundError, match=words):
            connect(service).post("/responses", cast_to=Response, body=body)
        assert words in service.problems[-1]


def test_refuses_reasoning_of_another_model() -> None:
    """One model cannot read what another one thought."""
    with OpenAI() as service:
        service.play(reply(think(), say("Done.")))
        made = output(stream(service, request()))
        with pytest.raises(openai.BadRequestError, match="could not be verified"):
            stream(service, request(TASK, *made, model="gpt-6-luna"))


def test_refuses_half_a_surrogate_pair(service: OpenAI) -> None:
    """A text that is no Unicode is no JSON."""
    body = json.dumps(request({"role": "user", "content": "\ud83d"}))
    with pytest.raises(openai.BadRequestError, match="failed to parse JSON"):
        connect(service).post("/responses", cast_to=Response, content=body.encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (request(store=True), "store is not false"),
        (request(tools=[{"type": "web_search"}]), "no plain function"),
        (request(tools=[{**READ_FILE, "strict": None}]), "does not say whether it is strict"),
        (request(tool_choice={"type": "function", "name": "read_file"}), "which not every server knows"),
        (request(tools=[READ_FILE, READ_FILE]), "two tools have the name read_file"),
        (request(TASK, CALL, OUTPUT, OUTPUT), "2 outputs for function call call_1"),
    ],
)
def test_notes_what_openai_lets_pass(service: OpenAI, body: Json, words: str) -> None:
    """The request is answered, and the problem is noted."""
    service.play(reply(say("Done.")))
    connect(service).responses.create(**body)
    assert len(service.problems) == 1
    assert words in service.problems[0]


def forget_the_reply(_: list[Json]) -> Json:
    """Leave the model's items away."""
    return request(TASK, {"role": "user", "content": "Go on."})


def edit_the_past(made: list[Json]) -> Json:
    """Change the first item."""
    return request({"role": "user", "content": "Fix the bugs."}, *made)


def edit_the_reply(made: list[Json]) -> Json:
    """Leave out the phase of the model's message."""
    return request(TASK, made[0], {k: v for k, v in made[1].items() if k != "phase"})


def edit_the_instructions(made: list[Json]) -> Json:
    """Put something volatile into the instructions."""
    return request(TASK, *made, instructions="Be brief. It is noon.")


def reorder_a_tool(made: list[Json]) -> Json:
    """Write the same tool in another order."""
    return request(TASK, *made, tools=[dict(reversed(READ_FILE.items()))])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (forget_the_reply, "input[1] was"),
        (edit_the_past, "input[0] was"),
        (edit_the_reply, "input[2] was"),
        (edit_the_instructions, "instructions or tools have changed"),
        (reorder_a_tool, "instructions or tools have changed"),
    ],
)
def test_notes_an_edited_conversation(service: OpenAI, change: Callable[[list[Json]], Json], words: str) -> None:
    """A conversation only grows at its end."""
    service.play(reply(think(), say("One.")), reply(say("Two.")))
    stream(service, change(output(stream(service, request()))))
    assert len(service.problems) == 1
    assert words in service.problems[0]


def test_conversations_without_a_key_are_told_apart_by_their_first_item(service: OpenAI) -> None:
    """Other servers get no prompt cache key; the rules hold there as well."""
    service.play(*[reply(say("Done."))] * 3)
    other = {"role": "user", "content": "Something else."}
    for items in ([TASK], [other], [TASK, other]):
        body = request(*items)
        del body["prompt_cache_key"]
        stream(service, body)
    assert len(service.problems) == 1
    assert "input[1] was" in service.problems[0]


@pytest.mark.parametrize("step", [failed(), error_event(), truncated()])
def test_notes_a_retry_with_another_input(service: OpenAI, step: Step) -> None:
    """A retry repeats the request that failed."""
    service.play(step, reply(say("Done.")))
    stream(service, request())
    stream(service, request(TASK, {"role": "user", "content": "Once more."}))
    assert service.problems == ["conversation run-1: the try after a failed one has another input"]


def test_a_client_may_start_anew_where_it_compacts(service: OpenAI) -> None:
    """After a compaction item, or with a key of its own, the past may be gone; under the same key it may not."""
    summary = {"role": "user", "content": "What happened so far."}
    service.play(
        reply(unknown_item("compaction", encrypted_content="gAAAAAB"), say("One.")),
        failed("context_length_exceeded"),
        reply(say("Two.")),
        reply(say("Done.")),
    )
    made = output(stream(service, request()))
    stream(service, request(*made, {"role": "user", "content": "Go on."}))
    stream(service, request(TASK, summary, prompt_cache_key="run-2"))
    assert service.problems == []
    stream(service, request(TASK, summary))
    assert service.problems == ["conversation run-1: the try after a failed one has another input"]


def test_a_reply_ends_at_its_limit(service: OpenAI) -> None:
    """A reply has no more tokens than the request allows: what fits stays whole, the next item is cut off."""
    service.play(*[reply(say("One."), call("write", text="x" * 4000))] * 2, reply(say("x" * 400), say("y")))
    replies = [stream(service, request(max_output_tokens=most, prompt_cache_key=f"{most}")) for most in (2000, 500, 16)]
    ends = [
        made[-1].response for made in replies if isinstance(made[-1], ResponseCompletedEvent | ResponseIncompleteEvent)
    ]
    assert [end.status for end in ends] == ["completed", "incomplete", "incomplete"]
    assert [end.usage is not None and end.usage.output_tokens <= 500 for end in ends] == [False, True, True]
    message, cut = output(replies[1])
    assert (message["status"], cut["status"], cut["arguments"][:12]) == ("completed", "incomplete", '{"text": "xx')
    assert output(replies[2]) == []
    assert service.problems == []
