"""OpenAI's Responses API on 127.0.0.1: plays a script of replies, and checks what the model is sent.

A test says what the model will answer, in order::

    with OpenAI() as service:
        service.play(reply(think("Look first."), call("read_file", path="a.py")), reply(say("Done.")))
        ...  # the openai package with base_url=f"{service.url}/v1"
        assert not service.problems

Every request takes the next step of the script, whether the step succeeds or fails, so a retry meets the one after it.
A request that OpenAI would refuse is refused in OpenAI's words and takes none. What OpenAI would let pass but what
spoils the prompt cache, the model's memory or the portability to other servers is noted in ``problems``, like the rest.
"""

from .script import (
    Page,
    Reply,
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
from .server import OpenAI

__all__ = [
    "OpenAI",
    "Page",
    "Reply",
    "Step",
    "bad_json",
    "call",
    "dropped",
    "error",
    "error_event",
    "failed",
    "garbage",
    "last_outputs",
    "nested_error_event",
    "raw_call",
    "refuse",
    "reply",
    "say",
    "stalled",
    "think",
    "truncated",
    "unknown_item",
]
