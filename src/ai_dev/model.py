"""Conversation -> Reply: one request to the Responses API, streamed. The only module that imports openai."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx2
import openai
from openai import OpenAI, Stream
from pydantic import BaseModel

from .conversation import Conversation
from .errors import MALFORMED, TOO_LONG, Failure, Service, ServiceError, connection_code
from .prices import Usage
from .redaction import one_line
from .settings import Settings

_SILENCE = 300
"""Seconds in which a server may say nothing at all."""
_GRACE = 120
"""Seconds behind the run's limit in which a reply that has begun may end: it is paid for."""
_REPLY_LIMIT = 64 << 20
"""Bytes of an answer; a long reply takes about 25 MB as a stream."""
_EVENT_LIMIT = 16 << 20
"""Bytes of one event of a stream."""
_ITEMS_LIMIT = 1000
"""Items of a reply."""
_COUNTABLE = 10**9
"""Tokens that no reply can have used."""
_DROPPABLE = ("include", "prompt_cache_key")
"""What not every server knows; left out from then on when a server's 400 names it."""
_DOING = "answer the request"


@dataclass(frozen=True)
class Call:
    """A tool call; ``arguments`` is the model's text, which should be JSON."""

    id: str
    name: str
    arguments: str
    whole: bool = True
    """Whether the reply was not cut off in it."""


@dataclass(frozen=True)
class Reply:
    """What the model answered."""

    items: list[dict[str, Any]]
    """All output items as they came, to be replayed."""
    calls: tuple[Call, ...]
    text: str
    refusal: str
    final: bool
    """Whether the text is meant as the last word: there is one, it is no commentary, and it is not cut off."""
    cut_off: str
    """Why the reply is not whole, in the server's words, such as ``max_output_tokens``; empty if it is."""
    usage: Usage | None
    """None where the server did not tell it."""


@dataclass(frozen=True)
class Terms:
    """What one request may use."""

    until: float
    """The moment, on the monotonic clock, at which it has no more time but to end."""
    tokens: int | None = None
    """Of output, at the most; None for as many as the model wants."""
    tool_choice: Literal["auto", "none"] = "auto"


class Model:
    """One model at one server, with constant instructions and tools. Raises ServiceError."""

    def __init__(self, settings: Settings, instructions: str, tools: Sequence[type[BaseModel]]) -> None:
        self._client = _Client(
            api_key=settings.openai_api_key.get_secret_value(),
            base_url=settings.openai_base_url or None,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(
                follow_redirects=False,
                headers={"Accept-Encoding": "identity"},
                event_hooks={"response": [self._bound]},
            ),
        )
        self._until = 0.0
        self._fixed: dict[str, Any] = {
            "model": settings.model,
            "instructions": instructions,
            "tools": [describe(tool) for tool in tools],
            "reasoning": {"effort": settings.reasoning_effort},
            "parallel_tool_calls": True,
            "store": False,
            "stream": True,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "",
        }
        self._head_size = len(json.dumps(self._fixed))

    def measure(self, conversation: Conversation) -> int:
        """Bytes of the request that asks for the next reply."""
        return self._head_size + conversation.size

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, conversation: Conversation, terms: Terms) -> Reply:
        """The model's next reply, asked for once. One that did not end is never used: it is a ServiceError."""
        self._until = terms.until + _GRACE
        while True:
            try:
                return self._ask(conversation, terms)
            except ServiceError as e:
                named = [name for name in _DROPPABLE if name in self._fixed and name in e.failure.detail]
                if e.failure.status not in (400, 422) or not named:
                    raise
                for name in named:
                    del self._fixed[name]

    def _ask(self, conversation: Conversation, terms: Terms) -> Reply:
        incoming = _Incoming()
        try:
            with _faults():
                return incoming.read(self._stream(conversation, terms), conversation)
        except ServiceError as e:
            raise ServiceError(replace(e.failure, written=incoming.written)) from None

    def _stream(self, conversation: Conversation, terms: Terms) -> Stream[object]:
        """Send the request as ready-made JSON, and take the events as they come, as JSON.

        The SDK's ``create`` walks through the whole input every time; its types for the events cost a tenth of a second
        to build, and give items back otherwise than the server sent them.
        """
        own: dict[str, Any] = {"tool_choice": terms.tool_choice} if terms.tool_choice != "auto" else {}
        if terms.tokens is not None:
            own["max_output_tokens"] = terms.tokens
        if "prompt_cache_key" in self._fixed:
            own["prompt_cache_key"] = conversation.key
        head = json.dumps(self._fixed | own, separators=(",", ":"))[:-1]
        stream = self._client.post(
            "/responses",
            cast_to=object,
            content=f'{head},"input":{conversation.json}}}'.encode(),
            options={"headers": {"Content-Type": "application/json"}, "timeout": self._timeout},
            stream=True,
            stream_cls=Stream[object],
        )
        kind = stream.response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            stream.close()
            detail = f"The answer is {kind or 'of no type'}, not a stream of events."
            raise ServiceError(Failure(Service.OPENAI, _DOING, detail, code="server_error"))
        return stream

    @property
    def _timeout(self) -> httpx2.Timeout:
        return httpx2.Timeout(max(1.0, min(_SILENCE, self._until - time.monotonic())), connect=10)

    def _bound(self, response: httpx2.Response) -> None:
        """Let no body, an error's neither, be longer or take longer than a reply may; what is compressed stays so."""
        response.headers.pop("content-encoding", None)
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Bounded(response.stream, self._until)


class _Client(OpenAI):
    """A client that does not tell what machine it runs on: to find that out the package starts a process."""

    def platform_headers(self) -> dict[str, str]:
        """None of them."""
        return {}


class _Bounded(httpx2.SyncByteStream):
    """A body with limits: bytes in all, bytes of one event, and a moment at which it must have ended."""

    def __init__(self, stream: httpx2.SyncByteStream, until: float) -> None:
        self._stream, self._until = stream, until

    def __iter__(self) -> Iterator[bytes]:
        size = event = 0
        for chunk in self._stream:
            size += len(chunk)
            event = len(chunk) if b"\n\n" in chunk or b"\r\n\r\n" in chunk else event + len(chunk)
            if size > _REPLY_LIMIT or event > _EVENT_LIMIT:
                limit = _REPLY_LIMIT if size > _REPLY_LIMIT else _EVENT_LIMIT
                raise ServiceError(_unusable(f"The answer, or one event of it, has more than {limit >> 20} MiB."))
            if time.monotonic() > self._until:
                raise ServiceError(_unusable("The answer had not ended when the time of the run was up."))
            yield chunk

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


def _unusable(detail: str) -> Failure:
    return Failure(Service.OPENAI, _DOING, detail, code=MALFORMED)


def describe(tool: type[BaseModel]) -> dict[str, Any]:
    """A tool's strict JSON schema, the same bytes every time: its docstring and its fields' descriptions."""
    schema = tool.model_json_schema()
    return {
        "type": "function",
        "name": name_of(tool),
        "description": inspect.cleandoc(tool.__doc__ or ""),
        "parameters": _strict(schema, schema.get("$defs", {})),
        "strict": True,
    }


def name_of(tool: type[BaseModel]) -> str:
    """A tool's name for the model: its class's name in snake case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", tool.__name__).lower()


def _strict(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema in strict mode's words: all properties required, nothing else allowed, references filled in."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]] | schema
    kept: dict[str, Any] = {k: schema[k] for k in ("type", "description", "enum") if k in schema}
    if "items" in schema:
        kept["items"] = _strict(schema["items"], definitions)
    if "anyOf" in schema:
        kept["anyOf"] = [_strict(option, definitions) for option in schema["anyOf"]]
    if "properties" in schema:
        kept["properties"] = {name: _strict(field, definitions) for name, field in schema["properties"].items()}
        kept |= {"required": list(schema["properties"]), "additionalProperties": False}
    return kept


@dataclass
class _Incoming:
    """A reply as its stream comes in."""

    items: list[dict[str, Any]] = field(default_factory=list)
    done: int = 0
    """Bytes of the items that are done."""
    begun: int | None = None
    """Bytes of what came since; None before the stream has begun."""

    @property
    def written(self) -> int | None:
        """Bytes that the model wrote, as far as they came; None when no reply had begun."""
        return None if self.begun is None else self.done + self.begun

    def read(self, stream: Stream[object], conversation: Conversation) -> Reply:
        """Collect the stream up to its terminal event. Items count when they are done, not when they begin."""
        with stream:
            for event in stream:
                if not isinstance(event, dict):
                    raise TypeError(event)
                kind = event.get("type")
                self.begun = (self.begun or 0) + len(str(event.get("delta") or ""))
                if kind == "response.output_item.done":
                    self._take(event["item"])
                elif kind in ("response.completed", "response.incomplete"):
                    return _reply(conversation.admit(self.items), event["response"])
                elif kind == "response.failed":
                    raise ServiceError(_told(event["response"].get("error") or {}))
                elif kind == "error":
                    raise ServiceError(_told(event))
        raise ServiceError(Failure(Service.OPENAI, _DOING, "The stream ended before the reply did."))

    def _take(self, item: dict[str, Any]) -> None:
        """Keep an item, once it can be written as JSON: nested too deep, it raises RecursionError here, not later."""
        self.done, self.begun = self.done + len(json.dumps(item)), 0
        self.items.append(item)
        if len(self.items) > _ITEMS_LIMIT:
            raise ServiceError(_unusable(f"The reply has more than {_ITEMS_LIMIT} items."))


def _told(error: dict[str, Any]) -> Failure:
    """A failure that the server told in words, in a stream that began well."""
    message = str(error.get("message") or "no reason given")
    code = _find_code(error.get("code"), message) or "server_error"
    return Failure(Service.OPENAI, _DOING, message, code=code, wait=_wait(message))


def _reply(items: list[dict[str, Any]], response: dict[str, Any]) -> Reply:
    parts = [
        part
        for item in items
        if item.get("type") == "message"
        for part in item.get("content") or []
        if isinstance(part, dict)
    ]
    commentary = any(item.get("phase") == "commentary" for item in items)
    text = "\n\n".join(str(part["text"]) for part in parts if part.get("text"))
    return Reply(
        items=items,
        calls=tuple(
            Call(
                str(item.get("call_id")),
                str(item.get("name")),
                str(item.get("arguments")),
                whole=item.get("status") != "incomplete",
            )
            for item in items
            if item.get("type") == "function_call"
        ),
        text=text,
        refusal="\n\n".join(str(part["refusal"]) for part in parts if part.get("refusal")),
        final=response.get("status") == "completed" and not commentary and bool(text.strip()),
        cut_off=_find_cut(response),
        usage=_usage(response.get("usage") or {}),
    )


def _find_cut(response: dict[str, Any]) -> str:
    if response.get("status") != "incomplete":
        return ""
    return one_line(str((response.get("incomplete_details") or {}).get("reason") or "no reason given"), 100)


def _usage(usage: dict[str, Any]) -> Usage | None:
    """The tokens used, where both numbers are told; servers other than OpenAI's may leave out the details.

    No request is without input: where the server counts none, what it says would make the work cost nothing.
    """
    read, written = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    if not read or written is None:
        return None
    details = usage.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    cached = min(_count(details.get("cached_tokens")) or 0, read)
    return Usage(read, cached, written, min(_count(details.get("cache_write_tokens")) or 0, read - cached))


def _count(tokens: object) -> int | None:
    """A number of tokens; None where it is none."""
    return tokens if isinstance(tokens, int) and 0 <= tokens < _COUNTABLE else None


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    """Turn what the SDK raises into ServiceError.

    A body that is no JSON comes as a bare ValueError, and events of another form break where they are read.
    """
    try:
        yield
    except openai.APIStatusError as e:
        wait = _wait(e.message, e.response.headers.get("retry-after"))
        code = _find_code(e.code, e.message)
        raise ServiceError(
            Failure(Service.OPENAI, _DOING, e.message[:1000], status=e.status_code, code=code, wait=wait)
        ) from None
    except openai.APIError as e:
        code = _find_code(e.code, e.message) or connection_code(e)
        detail = f"{e.message} {e.__cause__ or ''}"
        raise ServiceError(Failure(Service.OPENAI, _DOING, detail[:1000], code=code)) from None
    except (httpx2.HTTPError, httpx2.StreamError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise ServiceError(Failure(Service.OPENAI, _DOING, f"{type(e).__name__}: {e}"[:300])) from None


def _find_code(code: object, message: str) -> str:
    """The server's code; gateways hide that of a conversation that is too long, so it is found by the words too."""
    if re.search(r"context[ _](length|window)", message):
        return TOO_LONG
    return str(code) if code and isinstance(code, str | int) else ""


def _wait(message: str, header: str | None = None) -> float | None:
    """Seconds that the server asks to wait, in its header (or until when) or in its words ("try again in 1.2s")."""
    if header and re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", header):
        return float(header)
    if header:
        with contextlib.suppress(ValueError):
            return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    told = re.search(r"try again in ([0-9]{1,6}(?:\.[0-9]+)?)\s?(ms|s)\b", message)
    return float(told[1]) / (1000 if told[2] == "ms" else 1) if told else None
