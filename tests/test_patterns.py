"""Every pattern of the package takes time in proportion to its text, whatever somebody made that of."""

from __future__ import annotations

import ast
import importlib
import re
from collections import defaultdict
from itertools import permutations
from pathlib import Path
from re import _compiler as compiler
from re import _parser as parser
from time import thread_time

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "ai_dev"
ANCHORED = {"match", "fullmatch"}
METHODS = ANCHORED | {"findall", "finditer", "search", "split", "sub", "subn"}
ELSEWHERE = {
    "settings.pattern": "given as literals in the annotations of the inputs, which are the workflow's",
}
"""Patterns that have only a name where they are used."""
SIZE = 4_000
"""Characters of the smaller text; the larger one has eight times as many."""
GROWTH = 24
"""How many times as long the larger text may take: eight would be linear, and its square is 64."""
LEAST = 0.01
"""Seconds that are no time."""


def find_patterns():
    """Every pattern by its place, and whether it is only ever tried at the beginning of a text."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        place = ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(file.read_text("utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
        calls = [call for call in calls if isinstance(call.func.value, ast.Name)]
        used = defaultdict(set)
        for call in calls:
            used[call.func.value.id].add(call.func.attr)
        for name, value in vars(importlib.import_module(f"ai_dev.{place}")).items():
            for number, pattern in enumerate(list_compiled(value)):
                anchored = name in used and not used[name] & (METHODS - ANCHORED)
                found[f"{place}.{name}.{number}"] = pattern, anchored
        for call in calls:
            if call.func.value.id == "re" and call.func.attr in METHODS:
                text = read_text(call.args[0], tree)
                if text is None:
                    assert f"{place}.{call.args[0].id}" in ELSEWHERE
                    continue
                flags = [
                    getattr(re, part.attr)
                    for part in ast.walk(call)
                    if isinstance(part, ast.Attribute) and part.attr.isupper()
                ]
                found[f"{place} line {call.lineno}"] = re.compile(text, sum(flags)), call.func.attr in ANCHORED
    return found


def list_compiled(value):
    """The patterns in a module's value."""
    if isinstance(value, re.Pattern):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [pattern for part in inner for pattern in list_compiled(part)]


def read_text(node, tree):
    """The text of an expression, where a word stands for what only a run knows; None for a name from elsewhere."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "word" for part in node.values)
    if isinstance(node, ast.BinOp):
        return read_text(node.left, tree) + read_text(node.right, tree)
    if isinstance(node, ast.Name):
        assigned = [
            n.value for n in ast.walk(tree) if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == node.id
        ]
        return read_text(assigned[0], tree) if assigned else None
    return "word"


class Pieces:
    """Texts that are bad to repeat: what a repetition takes, alone and behind what stands before it; and letters."""

    def __init__(self, pattern):
        text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
        parsed = parser.parse(text, pattern.flags & (re.IGNORECASE | re.MULTILINE | re.DOTALL))
        self._state, self._before = parsed.state, ""
        self._letters, self._found = {"a", " "}, set()
        self._found.add(self._sample(parsed))
        some = sorted(self._letters)[:6]
        self.texts = sorted({*self._found, *some, *map("".join, permutations(some, 2))} - {""})

    def _sample(self, parts):
        """A text that these parts of the pattern may match."""
        text = ""
        for code, value in parts:
            new = self._sample_one(str(code), code, value)
            text += new
            self._before += new
        return text

    def _sample_one(self, name, code, value):
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, _, inner = value
            before = self._before[-20:]
            one = self._sample(inner)
            self._found |= {one, before + one, one + before}
            return one * (min(least, 50) or 1)
        if name in ("SUBPATTERN", "ATOMIC_GROUP"):
            return self._sample(value[-1] if name == "SUBPATTERN" else value)
        if name == "BRANCH":
            first, *_ = [self._sample(option) for option in value[1]]
            return first
        if name in ("ASSERT", "ASSERT_NOT"):
            self._sample(value[1])
            return ""
        if name in ("AT", "GROUPREF"):
            return ""
        single = compiler.compile(parser.SubPattern(self._state, [(code, value)]))
        letter = next((char for char in "a0-. \n/A<[&\"'`~%^@#:*_" if single.fullmatch(char)), None)
        letter = letter or next(char for char in map(chr, range(1, 0x10FFFF)) if single.fullmatch(char))
        self._letters.add(letter)
        return letter


def measure(pattern, anchored, piece, size):
    """Seconds that the pattern needs for a text of these pieces, which ends in what it does not take."""
    text = (piece * (1 + size // len(piece)))[:size] + "\x00"
    data = text.encode() if isinstance(pattern.pattern, bytes) else text
    began = thread_time()
    if anchored:
        pattern.match(data)
        pattern.fullmatch(data)
    else:
        for _ in pattern.finditer(data):
            pass
    return thread_time() - began


PATTERNS = find_patterns()


@pytest.mark.parametrize(("pattern", "anchored"), PATTERNS.values(), ids=PATTERNS)
def test_time_grows_with_the_text(pattern, anchored):
    """Eight times the text takes about eight times as long, by no means sixty-four; the best of several tries counts."""
    slow = [piece for piece in Pieces(pattern).texts if is_slow(pattern, anchored, piece)]

    assert [] == slow


def is_slow(pattern, anchored, piece, size=SIZE):
    """Whether the time grows by far faster than the text: so in every one of five tries."""
    for _ in range(5):
        large = measure(pattern, anchored, piece, 8 * size)
        if large < LEAST or large < GROWTH * measure(pattern, anchored, piece, size):
            return False
    return True


@pytest.mark.parametrize("slow", [r"a+b", r"\s+y", r"<.*>", r"(?:ab)+c", r"\[[^\]]*\]"])
def test_slow_patterns_are_found(slow):
    """A pattern that takes the square of the text is found by texts that are made of what it takes itself."""
    pattern = re.compile(slow)

    assert any(is_slow(pattern, False, piece, 1_000) for piece in Pieces(pattern).texts)
