"""A whole response -> the events of its stream, in OpenAI's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .wire import Json


def events(response: Json) -> Iterator[Json]:
    """Yield the events, all but their sequence numbers; only the last one holds this very response."""
    blank = dict.fromkeys(("completed_at", "error", "incomplete_details", "usage"))
    begun = {**response, **blank, "status": "in_progress", "output": []}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}
        for event in ITEM_EVENTS.get(item["type"], _no_events)(item):
            yield {"item_id": item["id"], "output_index": index, **event}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}


def _begun(item: Json) -> Json:
    """Show an item as it is when it has just begun."""
    match item["type"]:
        case "message":
            return {**item, "status": "in_progress", "content": []}
        case "function_call":
            return {**item, "status": "in_progress", "arguments": ""}
        case "reasoning":
            return {**item, "summary": [], "encrypted_content": item["encrypted_content"][:64]}
    return {"id": item["id"], "type": item["type"], "status": "in_progress"}


def _message_events(item: Json) -> Iterator[Json]:
    for index, part in enumerate(item["content"]):
        name, kind = ("text", "output_text") if part["type"] == "output_text" else ("refusal", "refusal")
        more: Json = {"logprobs": []} if name == "text" else {}
        place = {"content_index": index}
        yield {"type": "response.content_part.added", **place, "part": {**part, name: ""}}
        for delta in _deltas(part[name]):
            yield {"type": f"response.{kind}.delta", **place, "delta": delta, **more}
        yield {"type": f"response.{kind}.done", **place, name: part[name], **more}
        yield {"type": "response.content_part.done", **place, "part": part}


def _call_events(item: Json) -> Iterator[Json]:
    for delta in _deltas(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", "delta": delta}
    yield {"type": "response.function_call_arguments.done", "arguments": item["arguments"]}


def _reasoning_events(item: Json) -> Iterator[Json]:
    for index, part in enumerate(item["summary"]):
        place = {"summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}}
        for delta in _deltas(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", **place, "delta": delta}
        yield {"type": "response.reasoning_summary_text.done", **place, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **place, "part": part}


def _no_events(_: Json) -> Iterator[Json]:
    return iter(())


ITEM_EVENTS: dict[str, Callable[[Json], Iterator[Json]]] = {
    "message": _message_events,
    "function_call": _call_events,
    "reasoning": _reasoning_events,
}


def _deltas(text: str, count: int = 4) -> Iterator[str]:
    size = -(-len(text) // count) or 1
    return (text[at : at + size] for at in range(0, len(text), size))
