"""Secrets are found in every disguise, and in nothing else."""

import base64
import textwrap
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.leaks import Leaks

SECRET = "ghs_Canary/0123456789+canary=9876543210~x"
LEAKS = Leaks.of([SECRET, "e2b_" + "0a1b" * 10])


def encode(secret, offset):
    """The secret in base64, so many bytes behind its start."""
    return base64.b64encode(b"\xffyz"[:offset] + secret.encode() + b"tail").decode()


DISGUISES = {
    "plain": SECRET,
    "in the middle": f"a{SECRET}b",
    **{f"base64, offset {i}": encode(SECRET, i) for i in range(3)},
    **{f"URL-safe base64, offset {i}": encode(SECRET, i).replace("+", "-").replace("/", "_") for i in range(3)},
    "base64, on lines": "\n".join(textwrap.wrap(encode(SECRET, 1), 20)),
    "hex": SECRET.encode().hex(),
    "hex, large": SECRET.encode().hex().upper(),
    "hex, with colons": SECRET.encode().hex(":"),
    "URL": quote(SECRET, safe=""),
    "URL, wholly": "".join(f"%{b:02X}" for b in SECRET.encode()),
    "URL, in part": SECRET.replace("C", "%43").replace("0", "%30"),
    "reversed": SECRET[::-1],
    "reversed base64": encode(SECRET, 0)[::-1],
    "zero-width between": "\u200b".join(SECRET),
    "other invisible characters between": "\u00ad\u2063".join(SECRET),
    "blanks between": " ".join(SECRET),
    "in pieces of code": '" + "'.join(SECRET),
    "one letter a line": "\n".join(SECRET),
    "without its first letters": SECRET[7:],
    "without its last letters": SECRET[:-7],
    "large": SECRET.upper(),
}


@pytest.mark.parametrize("text", DISGUISES.values(), ids=DISGUISES)
def test_disguises(text):
    """A secret is found in each form that it was ever leaked in, in text and in bytes."""
    assert LEAKS.found_in(text)
    assert LEAKS.found_in(b"\0\xff" + text.encode() + b"\xfe")


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(0, 2))
def test_anywhere(before, after, offset):
    """Whatever stands around it, it is found."""
    for form in (SECRET.encode(), encode(SECRET, offset).encode(), SECRET.encode().hex().encode()):
        assert LEAKS.found_in(before + b"|" + form + b"|" + after)


@given(st.text() | st.binary())
def test_nothing_else(text):
    """What has no secret has none, and no input is an error."""
    assert not LEAKS.found_in(text)
    assert not Leaks.of([]).found_in(text)


@pytest.mark.parametrize("secret", ["", "t", "short", "--------------------"])
def test_what_is_no_key(secret):
    """What is too short to be a key is not looked for: it is everywhere."""
    assert not Leaks.of([secret]).found_in("t short ---------------------------- text of any kind")
