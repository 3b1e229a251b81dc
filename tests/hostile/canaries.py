"""The secrets of a hostile run, and every form in which one could be smuggled out."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import unquote


def _make(name: str, length: int) -> str:
    return hashlib.shake_256(name.encode()).hexdigest(length // 2)


CANARIES: Mapping[str, str] = MappingProxyType(
    {
        "github-token": "ghs_" + _make("github", 36),
        "openai-api-key": "sk-proj-" + _make("openai", 48),
        "e2b-api-key": "e2b_" + _make("e2b", 40),
    }
)
"""Input -> secret."""
RUNNERS = MappingProxyType(
    {
        "ACTIONS_RUNTIME_TOKEN": "runtime." + _make("runtime", 60),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "oidc." + _make("oidc", 60),
    }
)
"""Secrets that every job has in its environment, and that are to be seen nowhere at all."""

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]|\U000e0000|[\U000e0001-\U000e0fff]"
)
_ESCAPED = re.compile(r"\\u(?:00ad|034f|061c|200[b-f]|202[a-e]|206[0-9a-f]|180e|feff|3164)", re.IGNORECASE)


def encodings(secret: str) -> Iterator[tuple[str, str]]:
    """The forms of a secret: name and text. Base64 at each of the three offsets, without what its neighbours decide."""
    data = secret.encode()
    yield "raw", secret
    yield "reversed", secret[::-1]
    yield "hex", data.hex()
    yield "URL-encoded", "".join(f"%{byte:02x}" for byte in data)
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        core = text[-(-offset * 8 // 6) : len(text) - 1]
        yield f"base64 at offset {offset}", core
        yield f"URL-safe base64 at offset {offset}", core.replace("+", "-").replace("/", "_")


_FORMS = {name: [(form, text) for form, text in encodings(secret)] for name, secret in {**CANARIES, **RUNNERS}.items()}


def find(data: bytes | str) -> Iterator[str]:
    """Name every canary in these bytes, and its form; characters that nobody sees do not hide it."""
    text = data.decode(errors="replace") if isinstance(data, bytes) else data
    seen = _ESCAPED.sub("", _INVISIBLE.sub("", text))
    texts = [seen, seen.lower(), *([unquote(seen)] if "%" in seen else [])]
    for name, forms in _FORMS.items():
        for form, secret in forms:
            if any(secret in text for text in texts):
                yield f"{name} ({form})"
