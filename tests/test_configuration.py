"""The repository's configuration: what it may say, and every fault with its line and the cure; whatever the bytes."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dev.configuration import CONFIGURATION_LIMIT, SetUp
from ai_dev.errors import AiDevError, Status

READABLE = {
    "nothing": (b"", ()),
    "comments alone": (b"# later\n", ()),
    "no commands": (b"setup: []\n", ()),
    "texts": (b"setup:\n- npm ci\n- 'true'\n", (SetUp("npm ci"), SetUp("true"))),
    "a limit": (b"setup:\n- run: make\n  minutes: 30\n", (SetUp("make", 30),)),
    "lines": (b"setup:\n- |\n  a\n  b\n", (SetUp("a\nb\n"),)),
    "flow style": (b'{"setup": ["a", {"run": "b"}]}', (SetUp("a"), SetUp("b"))),
    "byte order mark": (b"\xef\xbb\xbfsetup: [a]", (SetUp("a"),)),
}

FAULTS = {
    "unknown key": (b"# ours\nsetup: []\nmodel:\n  big\n", 3, "the key model is not known"),
    "endpoint": (b"openai-base-url: https://evil.example", 1, "the key openai-base-url is not known"),
    "unknown key of a command": (b"setup:\n- run: a\n  env: b\n", 3, "the key env is not known in a command"),
    "command and a mapping": (b"setup:\n- a: b\n", 2, "the key a is not known in a command"),
    "no run": (b"setup:\n- minutes: 3\n", 2, "a command has no `run`"),
    "text for the list": (b"setup: npm ci", 1, "`setup` is not a list"),
    "mapping for the list": (b"setup:\n  run: npm ci", 1, "`setup` is not a list"),
    "nothing for the list": (b"setup:\n", 1, "`setup` is not a list"),
    "list for the file": (b"- setup\n", 1, "the file is not a mapping"),
    "number for a command": (b"setup:\n- a\n- 1\n", 3, "a command is not a text"),
    "truth for a command": (b"setup: [yes]", 1, "a command is not a text"),
    "list for a command": (b"setup:\n- [a]\n", 2, "a command is not a text"),
    "empty command": (b"setup:\n- ''\n", 2, "a command is empty"),
    "long command": (b"setup:\n- " + b"x" * 4001, 2, "more than 4,000 characters"),
    "control character": (b'setup: ["a\\0b"]', 1, "control or invisible"),
    "direction override": ("setup: [a\u202eb]".encode(), 1, "control or invisible"),
    "lone surrogate": (b'setup: ["\\uD800"]', 1, "control or invisible"),
    "no character": (b'setup: ["\\UFFFFFFFF"]', 1, "YAML cannot read it"),
    "raw control character": (b"setup:\n- \x01", 2, "a character that YAML does not allow"),
    "minutes as text": (b"setup:\n- run: a\n  minutes: '3'\n", 3, "`minutes` is not a whole number"),
    "minutes as a fraction": (b"setup:\n- run: a\n  minutes: 1.5\n", 3, "`minutes` is not a whole number"),
    "no minutes": (b"setup:\n- run: a\n  minutes: 0\n", 3, "`minutes` is not a whole number"),
    "too many minutes": (b"setup:\n- run: a\n  minutes: 361\n", 3, "`minutes` is not a whole number"),
    "sexagesimal minutes": (b"setup:\n- run: a\n  minutes: 1:30\n", 3, "`minutes` is not a whole number"),
    "minutes as a list": (b"setup:\n- run: a\n  minutes: [1]\n", 3, "`minutes` is not a whole number"),
    "key twice": (b"setup: []\nsetup: [a]\n", 2, "the key setup is there twice"),
    "key of a command twice": (b"setup:\n- run: a\n  run: b\n", 3, "the key run is there twice"),
    "key that is a list": (b"? [a]\n: b\n", 1, "a key is not a word"),
    "merge key": (b"<<: {setup: [a]}", 1, "the key << is not known"),
    "tag": (b"setup:\n- !!python/object/apply:os.system [id]\n", 2, "tags are not allowed"),
    "own tag": (b"setup: !mine [a]", 1, "tags are not allowed"),
    "anchor": (b"setup: &all [a]", 1, "anchors and aliases are not allowed"),
    "alias": (b"setup: [*all]", 1, "anchors and aliases are not allowed"),
    "bomb": (b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", 1, "anchors and aliases are not allowed"),
    "directive": (b"%TAG ! tag:x,2000:\n---\nsetup: []", 1, "directives are not allowed"),
    "two documents": (b"setup: []\n---\nsetup: [a]", 3, "more than one document"),
    "deep lists": (b"[" * 16_000, 1, "nested too deeply"),
    "deep dashes": (b"- " * 8_000, 1, "nested too deeply"),
    "deep mappings": (b"{a: " * 4_000, 1, "nested too deeply"),
    "broken": (b"setup:\n- a\n b: [", 3, "YAML cannot read it"),
    "not UTF-8": (b"setup:\n- \xff\n", 2, "it is not UTF-8"),
    "UTF-16": ("setup: [a]".encode("utf-16"), 1, "it is not UTF-8"),
    "too long": (b"# x\n" * 4_097, 4_097, "more than 16,384 bytes"),
    "many commands": (b"setup:\n" + b"- a\n" * 21, 1, "more than 20 commands"),
    "path of a symbolic link": (b"../../etc/passwd", 1, "the file is not a mapping"),
}


@pytest.mark.parametrize(("data", "expected"), READABLE.values(), ids=READABLE)
def test_readable(data, expected):
    """What it may say is read: commands in their order, ten minutes each unless it says otherwise."""
    assert expected == SetUp.read(data)


@pytest.mark.parametrize(("data", "line", "said"), FAULTS.values(), ids=FAULTS)
def test_faults(data, line, said):
    """A fault ends the run: it names the file, the line, what is wrong and what may stand there."""
    with pytest.raises(AiDevError) as raised:
        SetUp.read(data)

    assert Status.FAILED is raised.value.status
    assert ".github/ai-dev.yml" in raised.value.what
    assert raised.value.why.startswith(f"Line {line}: ")
    assert said in raised.value.why
    assert "`setup`: a list of commands" in raised.value.cure


HOSTILE = st.lists(
    st.sampled_from(["setup:", "\n", "- ", "  ", "run: ", "minutes: ", "{", "}", "[", "]", "&a ", "*a", "!", "%", "'"])
    | st.sampled_from(['"', "\\U", "\\x", "|", ">", "? ", ": ", ",", "---", "...", "#", "\t", "<<: ", "!!str ", "1:2"])
    | st.text(max_size=5),
    max_size=60,
).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None)
@given(HOSTILE | st.binary(max_size=300))
def test_any_bytes(data):
    """Whatever the bytes are, they are commands that can be run or a fault, and never anything else."""
    try:
        commands = SetUp.read(data)
    except AiDevError as e:
        assert e.why.startswith("Line ")
    else:
        assert all(c.run.encode() and "\0" not in c.run and 1 <= c.minutes <= 360 for c in commands)


@pytest.mark.parametrize("piece", ["[", "{a: ", "- ", "? ", "!", "&a", "1:", "'", '"\\', "---\n", "#", "\t", "a: |\n"])
def test_time(piece):
    """The longest file of any piece is read in less than a second."""
    data = (piece * CONFIGURATION_LIMIT).encode()[:CONFIGURATION_LIMIT]
    for text in (data, b"setup: [" + data[8:], b"setup:\n- " + data[9:]):
        began = time.process_time()
        with contextlib.suppress(AiDevError):
            SetUp.read(text)
        assert time.process_time() - began < 1
