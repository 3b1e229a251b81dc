"""The items that the model sees: appended, never edited, each turned into JSON once."""

from __future__ import annotations

import json
from typing import Any

TOOL_OUTPUT_LIMIT = 39_900
"""Bytes of one tool's answer; whatever makes the answer cuts it, once. With the line that says so it has 40,000."""


class Conversation:
    """The input of the next request, as JSON texts in order.

    Only its end ever changes: the model's cache and its reasoning both depend on an unchanged beginning.
    """

    def __init__(self) -> None:
        self._items: list[str] = []

    def ask(self, text: str) -> None:
        """Append what the user says."""
        self._append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})

    def answer(self, call_id: str, text: str) -> None:
        """Append the answer to a tool call."""
        self._append({"type": "function_call_output", "call_id": call_id, "output": text})

    def replay(self, items: list[dict[str, Any]]) -> None:
        """Append a reply's items exactly as the model sent them."""
        for item in items:
            self._append(item)

    @property
    def json(self) -> str:
        """All items as a JSON array."""
        return "[" + ",".join(self._items) + "]"

    def _append(self, item: dict[str, Any]) -> None:
        self._items.append(json.dumps(item, separators=(",", ":")))
