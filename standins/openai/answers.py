"""A step of the script -> the HTTP answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

from werkzeug.wrappers import Response

from .events import events
from .script import Page, Reply
from .turns import Turn
from .wire import PREFIXES, Json, dump, seal, sse


def http(page: Page) -> Response:
    """Build the HTTP answer of a page."""
    return Response(page.body, page.status, {**_headers(), **page.headers}, content_type=page.content_type)


def _headers() -> dict[str, str]:
    return {
        "x-request-id": f"req_{secrets.token_hex(16)}",
        "openai-version": "2020-10-01",
        "openai-processing-ms": "1",
    }


def answer(step: Reply, body: Json, output: list[Json], usage: Json | None, turn: Turn) -> Response:
    """Build the HTTP answer of a reply, streamed if that was asked for; the turn learns when it is delivered."""
    response = _response(step, body, output, usage)
    if body.get("stream"):
        chunks, kind = _stream(response, turn), "text/event-stream; charset=utf-8"
    else:
        chunks, kind = _pieces(response, turn), "application/json"
    return Response(step.ending(chunks), headers=_headers(), content_type=kind)


def _pieces(response: Json, turn: Turn) -> Iterator[bytes]:
    data, size = dump(response).encode(), 64
    for at in range(0, len(data), size):
        if at + size >= len(data):
            turn.deliver(response)
        yield data[at : at + size]


def _stream(response: Json, turn: Turn) -> Iterator[bytes]:
    for number, event in enumerate(events(response)):
        if event.get("response") is response:
            # Before it is sent: the client may ask again as soon as it has read the last event.
            turn.deliver(response)
        yield sse({"type": event["type"], "sequence_number": number, **event})


def produce(step: Reply, model: str) -> list[Json]:
    """Give the items of a step what only the service knows: ids and encrypted contents."""
    output = [{"id": f"{PREFIXES.get(item['type'], 'item')}_{secrets.token_hex(25)}", **item} for item in step.items]
    for item in output:
        if item["type"] == "reasoning":
            item["encrypted_content"] = seal(item["id"], model)
        elif item["type"] == "function_call":
            item["call_id"] = item["call_id"] or f"call_{secrets.token_hex(12)}"
    if step.status == "incomplete" and output and "status" in output[-1]:
        output[-1]["status"] = "incomplete"
    return output


def _response(step: Reply, body: Json, output: list[Json], usage: Json | None) -> Json:
    now = int(time.time())
    return {
        "id": f"resp_{secrets.token_hex(25)}",
        "object": "response",
        "created_at": now,
        "status": step.status,
        "background": False,
        "completed_at": now if step.status == "completed" else None,
        "error": step.error,
        "incomplete_details": {"reason": step.incomplete_reason} if step.incomplete_reason else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "model": body["model"],
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": "medium", "summary": None, **(body.get("reasoning") or {})},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": body.get("truncation") or "disabled",
        "usage": usage,
        "user": None,
        "metadata": body.get("metadata") or {},
    }
