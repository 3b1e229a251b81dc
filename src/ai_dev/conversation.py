"""The items that the model sees: appended, never edited, each turned into JSON once."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from typing import Any

from .errors import Stopped
from .redaction import HIDDEN, cut_middle

TOOL_OUTPUT_LIMIT = 39_900
"""Bytes of one tool's answer; whatever makes the answer cuts it, once. With the line that says so it has 40,000."""
_LIMIT = 64 << 20
"""Bytes of a conversation; far more than any model reads."""
_TOLD = 4_000
"""Bytes of a call, and of its answer, in a summary of the conversation."""
_NAME = 64
"""Characters that the API takes in a call's id and in its name."""


class Conversation:
    """The input of the next request, as JSON texts in order.

    Only its end ever changes: the model's cache and its reasoning both depend on an unchanged beginning. None of
    ``secrets`` is in what it tells the model, whoever brought it up.
    """

    def __init__(self, items: Sequence[str] = (), secrets: Sequence[str] = ()) -> None:
        self.key = uuid.uuid4().hex
        """What the model's server finds the conversation in its cache by."""
        self._items = list(items)
        self._size = sum(map(len, items))
        self._ids: set[str] = set()
        self._secrets = secrets

    def __len__(self) -> int:
        """How many items there are."""
        return len(self._items)

    def begin_anew(self, count: int, text: str) -> Conversation:
        """Another conversation, with the first items of this one, so many, and what the user says then."""
        other = Conversation(self._items[:count], self._secrets)
        other.ask(text)
        return other

    def recount(self, count: int, size: int) -> str:
        """What was said and done after the first items, so many, as text: its end, of so many bytes at the most."""
        told = "\n\n".join(filter(None, (_tell(json.loads(item)) for item in self._items[count:])))
        return told.encode("utf-8", "replace")[-size:].decode("utf-8", "ignore")

    def ask(self, text: str) -> None:
        """Append what the user says."""
        self._append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": self._hide(text)}]})

    def answer(self, call_id: str, text: str) -> None:
        """Append the answer to a tool call."""
        self._append({"type": "function_call_output", "call_id": call_id, "output": self._hide(text)})

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def admit(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A reply's items as the API will take them back: no id twice, and calls in the form that it documents.

        What has that form stays as it is. Of two items with one id the second is left out; a call only loses the id.
        """
        ids, admitted = set(self._ids), []
        for item in items:
            known = item.get("id") in ids if isinstance(item.get("id"), str) else False
            if item.get("type") == "function_call":
                admitted.append(_mend(item, ids, known=known))
            elif not known:
                admitted.append(item)
            ids |= _ids_of(admitted[-1]) if admitted else set()
        return admitted

    def replay(self, items: list[dict[str, Any]]) -> None:
        """Append a reply's items, once they were admitted, exactly as the model sent them."""
        for item in items:
            self._ids |= _ids_of(item)
            self._append(item)

    @property
    def size(self) -> int:
        """Bytes of all items."""
        return self._size

    @property
    def json(self) -> str:
        """All items as a JSON array."""
        return "[" + ",".join(self._items) + "]"

    def _append(self, item: dict[str, Any]) -> None:
        text = json.dumps(item, separators=(",", ":"))
        if "\\ud" in text:  # may be half a pair, which the API takes for no JSON
            whole = json.dumps(item, ensure_ascii=False).encode("utf-8", "replace")
            text = json.dumps(json.loads(whole), separators=(",", ":"))
        self._size += len(text)
        if self._size > _LIMIT:
            raise Stopped(f"The conversation has more than {_LIMIT >> 20} MiB.", cure="Split the task.")
        self._items.append(text)


def _tell(item: dict[str, Any]) -> str:
    """An item as text; nothing of what only the model's server can read."""
    match item.get("type"):
        case "message":
            parts = [part for part in item.get("content") or [] if isinstance(part, dict)]
            text = "\n".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
            return f"[{item.get('role')}] {text}"
        case "function_call":
            return f"[call of {item.get('name')}] {cut_middle(str(item.get('arguments')), _TOLD)}"
        case "function_call_output":
            return f"[its answer] {cut_middle(str(item.get('output')), _TOLD)}"
    return ""


def _ids_of(item: dict[str, Any]) -> set[str]:
    return {value for name in ("id", "call_id") if isinstance(value := item.get(name), str)}


def _mend(call: dict[str, Any], ids: set[str], *, known: bool) -> dict[str, Any]:
    """The call with an id of its own, and with a name and arguments that are text."""
    call_id, name = call.get("call_id"), str(call.get("name"))[:_NAME]
    if not isinstance(call_id, str) or not 0 < len(call_id) <= _NAME or call_id in ids:
        call_id = f"call_{uuid.uuid4().hex}"
    mended = call | {
        "call_id": call_id,
        "name": re.sub(r"[^A-Za-z0-9_-]", "_", name) or "unnamed",
        "arguments": str(call.get("arguments")),
    }
    return {k: v for k, v in mended.items() if k != "id"} if known else mended
