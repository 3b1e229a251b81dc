"""The script: what a test plays."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any, Literal, TypeAlias

from standins.service import Cut

from .wire import Json, items_of, sse

Ending: TypeAlias = Callable[[Iterator[bytes]], Iterator[bytes]]
"""What becomes of an answer's chunks (a stream's events) on their way out."""

PATIENCE = 60.0
"""Seconds that a stalled stream waits at most."""


def _whole(chunks: Iterator[bytes]) -> Iterator[bytes]:
    return chunks


@dataclass(frozen=True)
class Reply:
    """One answer of the model with HTTP status 200: its items, and how the stream ends."""

    items: tuple[Json, ...] = ()
    usage: Json | None = None
    """Fields that replace the estimate's; empty: the answer has no usage, as some servers do."""
    cached: int | None = None
    """Cached input tokens, in place of the estimate."""
    status: Literal["completed", "incomplete", "failed"] = "completed"
    incomplete_reason: str | None = None
    error: Json | None = None
    ending: Ending = _whole


@dataclass(frozen=True)
class Page:
    """An HTTP answer that is none of the model's."""

    status: int
    body: str
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Step: TypeAlias = "Reply | Page | Callable[[Json], Step]"
"""What answers one request; a function computes it from the request's body."""


def reply(
    *items: Json,
    usage: Json | None = None,
    status: Literal["completed", "incomplete"] = "completed",
    incomplete_reason: str | None = None,
    cached: int | None = None,
) -> Reply:
    """Answer with these items (see ``call``, ``say`` …); the fields of ``Reply`` say the rest."""
    if status == "incomplete":
        incomplete_reason = incomplete_reason or "max_output_tokens"
    return Reply(items, usage, cached, status, incomplete_reason)


def call(name: str, /, call_id: str | None = None, **arguments: Any) -> Json:
    """Build an item: a function call with these arguments."""
    return raw_call(name, json.dumps(arguments, ensure_ascii=False), call_id)


def raw_call(name: str, arguments: str, call_id: str | None = None) -> Json:
    """Build an item: a function call whose arguments are this text, JSON or not."""
    return {
        "type": "function_call",
        "status": "completed",
        "arguments": arguments,
        "call_id": call_id,
        "name": name,
    }


def _message(part: Json, phase: str | None) -> Json:
    told = {} if phase is None else {"phase": phase}
    return {"type": "message", "status": "completed", "content": [part], **told, "role": "assistant"}


def say(text: str, phase: Literal["final_answer", "commentary"] | None = "final_answer") -> Json:
    """Build an item: a message of the assistant."""
    return _message({"type": "output_text", "annotations": [], "logprobs": [], "text": text}, phase)


def refuse(text: str) -> Json:
    """Build an item: a message in which the model refuses."""
    return _message({"type": "refusal", "refusal": text}, None)


def think(summary: str = "") -> Json:
    """Build an item: reasoning, encrypted, with a summary or none."""
    return {"type": "reasoning", "summary": [{"type": "summary_text", "text": summary}] if summary else []}


def unknown_item(item_type: str, /, **fields: Any) -> Json:
    """Build an item of a type that clients do not know."""
    return {"type": item_type, **fields}


def _error(status: int, message: str, param: str | None = None, code: str | None = None) -> Json:
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = code if code == "insufficient_quota" else "requests"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error(
    status: int,
    code: str | None = None,
    message: str = "The service could not handle the request.",
    headers: Mapping[str, str] | None = None,
    param: str | None = None,
) -> Page:
    """Answer with an HTTP error in OpenAI's form."""
    body = json.dumps(_error(status, message, param, code))
    return Page(status, body, headers=headers or {})


def garbage(body: str = "<html><body><h1>It works!</h1></body></html>") -> Page:
    """Answer 200 with a page that is no API's, as captive portals and wrong addresses do."""
    return Page(200, body, "text/html")


def failed(code: str = "server_error", message: str = "The server had an error.") -> Reply:
    """Answer with a stream that ends in ``response.failed``."""
    told = {"code": code, "message": message}
    return Reply(status="failed", error=told)


def error_event(code: str | None = "server_error", message: str = "The server had an error.") -> Reply:
    """Answer with a stream that breaks off with an ``error`` event in its documented, flat form. Streams only."""
    return _erroneous({"code": code, "message": message, "param": None})


def nested_error_event(code: str | None = "server_error", message: str = "The server had an error.") -> Reply:
    """Answer like ``error_event``, but in the form with an error object inside, at which the openai package raises."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR if code == "server_error" else HTTPStatus.BAD_REQUEST
    return _erroneous(_error(status, message, None, code))


def _erroneous(told: Json) -> Reply:
    def end(chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(chunks, 2)
        yield sse({"type": "error", "sequence_number": 2, **told})

    return Reply(ending=end)


def bad_json() -> Reply:
    """Answer 200 with a stream one of whose events is broken JSON."""

    def end(chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(chunks, 2)
        yield b'event: response.output_item.added\ndata: {"type": "response.output_item.added", "item": {\n\n'

    return Reply(ending=end)


UNFINISHED = say("This is never said to the end.")


def dropped(*items: Json, after_events: int = 4) -> Reply:
    """Answer, but close the connection after that many events."""

    def end(chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(chunks, after_events)
        raise Cut

    return Reply(items or (UNFINISHED,), ending=end)


def truncated(*items: Json, after_events: int = 4) -> Reply:
    """Answer, but end the stream properly after that many events, without a terminal one."""
    return Reply(items or (UNFINISHED,), ending=lambda chunks: islice(chunks, after_events))


def stalled(event: threading.Event, *items: Json, after_events: int = 4) -> Reply:
    """Answer, but fall silent after that many events until ``event`` is set (at most ``PATIENCE`` seconds)."""

    def end(chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(chunks, after_events)
        event.wait(PATIENCE)
        yield from chunks

    return Reply(items or (say("That took a while."),), ending=end)


def last_outputs(body: Json) -> dict[str, str]:
    """Find the text of each tool output that answers the model's last reply, by ``call_id``, in order."""
    found: dict[str, str] = {}
    for item in reversed(items_of(body)):
        if item.get("type") == "function_call_output":
            found[item["call_id"]] = _output_text(item["output"])
        elif item.get("role") not in ("user", "developer", "system"):
            break
    return dict(reversed(found.items()))


def _output_text(output: str | list[Json]) -> str:
    return output if isinstance(output, str) else "".join(part.get("text", "") for part in output)
