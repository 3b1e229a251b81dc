"""Text -> is one of our secrets in it, as it is or disguised? Only the answer leaves, never the secret.

Compared are letters and digits alone, in small letters: so a secret is found also when it is split by blanks, line
ends, quotes or characters that show nothing, and base64 in both its alphabets.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

_KEPT = (string.ascii_letters + string.digits).encode()
_DROPPED = bytes(set(range(256)) - set(_KEPT))
_SMALL = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_SHORTEST = 8
"""What is shorter is no key, and is found everywhere."""
_ENDS = 8
"""Characters at either end of a long secret that need not be there: keys were leaked without their first ones."""


@dataclass(frozen=True)
class Leaks:
    """Looks for these secrets."""

    forms: tuple[bytes, ...]
    """Every form of every secret, reduced."""

    @classmethod
    def of(cls, secrets: Iterable[str]) -> Leaks:
        """Look for these values: plain, base64 at its three offsets, hex, URL-encoded, each also reversed."""
        forms = {_reduce(form) for secret in secrets for form in _disguise(_core(secret.encode()))}
        long = {form for form in forms if len(form) >= _SHORTEST}
        return cls(tuple(sorted(long | {form[::-1] for form in long})))

    def found_in(self, text: str | bytes) -> bool:
        """Whether any form of any secret is in the text."""
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        seen = {_reduce(data), _reduce(unquote_to_bytes(data))} if b"%" in data else {_reduce(data)}
        return any(form in reduced for reduced in seen for form in self.forms)


def _core(secret: bytes) -> bytes:
    """What must be there of a secret for it to be found."""
    return secret[_ENDS:-_ENDS] if len(secret) >= 5 * _ENDS else secret


def _disguise(secret: bytes) -> list[bytes]:
    shifted = [base64.b64encode(bytes(i) + secret) for i in range(3)]
    inner = [shifted[i][(0, 2, 3)[i] : (i + len(secret)) * 4 // 3] for i in range(3)]
    return [secret, *inner, secret.hex().encode(), quote(secret, safe="").encode()]


def _reduce(data: bytes) -> bytes:
    return data.translate(_SMALL, _DROPPED)
