"""The protocol's small pieces, which the script, the answers and the checks share."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

PREFIXES = {"message": "msg", "function_call": "fc", "reasoning": "rs", "compaction": "cmp"}
"""How the id of an item of each type begins."""


def dump(value: Any) -> str:
    """JSON as OpenAI writes it: without blanks, in plain Unicode."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse(raw: bytes) -> Json | None:
    """Read a request's body; None if it is no JSON object, or not Unicode."""
    try:
        body = json.loads(raw)
        dump(body).encode()
    except ValueError:  # half a surrogate pair is no text either
        return None
    return body if isinstance(body, dict) else None


def items_of(body: Json) -> list[Json]:
    """Get a request's input as items; a plain text is one message of the user."""
    given = body["input"]
    return given if isinstance(given, list) else [{"role": "user", "content": given}]


def sse(event: Json) -> bytes:
    """Write one event of a stream."""
    return f"event: {event['type']}\ndata: {dump(event)}\n\n".encode()


def seal(item_id: str, model: str) -> str:
    """Stand in for encryption: a text that can be verified and belongs to one item and one model."""
    digest = hashlib.shake_256(f"{item_id} {model}".encode()).digest(192)
    return "gAAAAAB" + base64.urlsafe_b64encode(digest).decode()
