"""docs/troubleshooting.md has every message that a person can meet, and none that the code does not have."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai_dev import post_step
from ai_dev.errors import _CURES, AiDevError
from ai_dev.settings import _SECRET_CURES

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
SOURCES = {file.stem: ast.parse(file.read_bytes()) for file in sorted((ROOT / "src" / "ai_dev").rglob("*.py"))}
INPUTS, CONFIGURATION, NOT_DELIVERED, SERVICES = (
    "faults of inputs",
    "faults of the configuration",
    "not delivered",
    "services",
)
HOLE = "…"
"""What stands for the part of a message that differs from run to run."""
SAID = {
    "Warned": (0, "warnings"),
    "ValueError": (0, INPUTS),
    "_pattern": (1, INPUTS),
    "_refuse": (1, CONFIGURATION),
    "_end_of_dollars": (0, "stopped"),
    "Reason": (1, NOT_DELIVERED),
}
"""What is called with a message: which argument it is, and the section that has it. Errors are beside them."""
RETURNED = {
    "_cure": SERVICES,
    "_find_price_faults": INPUTS,
    "_restore": "warnings",
    "check_mode": NOT_DELIVERED,
    "check_path": NOT_DELIVERED,
    "_check_protected": NOT_DELIVERED,
    "_check_place_in": NOT_DELIVERED,
}
"""Functions that return messages."""
INPUT_MODULES = ("settings", "network", "prices")
"""Where a ValueError is a fault of an input."""
LEAST = 8
"""Letters that a text must have to count as a message of ours."""


def list_errors(error: type[AiDevError] = AiDevError) -> dict[str, str]:
    """The errors that end a run, by name, each with the status that it makes."""
    found = {error.__name__: str(error.status)}
    for kind in error.__subclasses__():
        found |= list_errors(kind)
    return found


ERRORS = list_errors()


def read_texts(node: ast.AST | None, constants: dict[str, str]) -> list[str]:  # noqa: PLR0911 - a table
    """The texts that an expression can be, with HOLE for what is filled in; none where it is no text of ours."""
    match node:
        case ast.Constant(value=str(text)):
            return [re.sub(r"\{\w*\}", HOLE, text)]
        case ast.JoinedStr(values=parts):
            return ["".join(part.value if isinstance(part, ast.Constant) else HOLE for part in parts)]
        case ast.IfExp(body=one, orelse=other):
            return read_texts(one, constants) + read_texts(other, constants)
        case ast.Name(id=name) if name in constants:
            return [constants[name]]
        case ast.Call(func=ast.Attribute(value=text, attr="format")):
            return read_texts(text, constants)
        case ast.List(elts=parts):
            return [text for part in parts for text in read_texts(part, constants)]
    return []


def find_said(call: ast.Call, module: str) -> tuple[ast.AST | None, str]:
    """The argument of a call that is a message, and its section."""
    name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if name == "Ending" and isinstance(call.args[0], ast.Attribute):
        return named.get("what", call.args[2] if len(call.args) > 2 else None), call.args[0].attr.lower()
    if name == "InputError":
        return call.args[0], INPUTS
    place, section = (0, ERRORS[name]) if name in ERRORS else SAID.get(name, (0, ""))
    if not section or (name == "ValueError" and module not in INPUT_MODULES):
        return None, ""
    return (call.args[place] if len(call.args) > place else None), section


def find_messages() -> Iterator[tuple[str, str]]:
    """The messages of the code: section and text."""
    yield "failed", post_step._CUT_OFF
    yield NOT_DELIVERED, post_step._LOST
    yield from ((INPUTS, cure) for cure in _SECRET_CURES.values())
    for module, tree in SOURCES.items():
        constants = {
            target.id: text
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name)
            for text in read_texts(node.value, {})
        }
        for node in ast.walk(tree):
            said: list[tuple[ast.AST | None, str]] = []
            if isinstance(node, ast.Call):
                said = [find_said(node, module)]
            elif isinstance(node, ast.ClassDef) and node.name in ERRORS:
                said = [(call.args[0], ERRORS[node.name]) for call in list_inits(node)]
            elif isinstance(node, ast.FunctionDef) and node.name in RETURNED:
                returns = [inner for inner in ast.walk(node) if isinstance(inner, ast.Return)]
                said = [(inner.value, RETURNED[node.name]) for inner in returns]
            yield from ((section, text) for part, section in said for text in read_texts(part, constants) if text)


def list_inits(node: ast.ClassDef) -> list[ast.Call]:
    """The calls of ``super().__init__`` in a class."""
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"]


def list_rows(head: str) -> list[tuple[str, list[str]]]:
    """The rows of the page's tables that begin with this head: section and cells."""
    rows = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        for table in re.findall(rf"^\| {head} \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE):
            rows += [(title.lower(), row.strip("| ").split(" | ")) for row in table.splitlines()]
    return rows


def match(text: str, shown: str) -> bool:
    """Whether this is how the page shows a text of the code."""
    return re.fullmatch(".*".join(map(re.escape, text.split(HOLE))), shown, re.DOTALL) is not None


ROWS = list_rows("It says")
MESSAGES = sorted(set(find_messages()))


@pytest.mark.parametrize(("section", "text"), MESSAGES, ids=[f"{section}: {text}" for section, text in MESSAGES])
def test_page_has_the_message(section, text):
    """The page has the message, in the section of what the reader sees first."""
    assert [row for at, row in ROWS if at == section and match(text, row[0])]


def test_page_has_no_other_message():
    """Every message on the page is one of the code's."""
    nodes = [node for tree in SOURCES.values() for node in ast.walk(tree)]
    texts = {text for node in nodes if isinstance(node, ast.Constant | ast.JoinedStr) for text in read_texts(node, {})}
    ours = [
        text for text in [*texts, *_SECRET_CURES.values()] if len(re.findall(r"\w", text.replace(HOLE, ""))) >= LEAST
    ]

    assert [] == [row[0] for _, row in ROWS if not any(match(text, row[0]) for text in ours)]


def test_page_has_the_cures_of_services():
    """What is to be done after an answer of a service, the page says in the same words as the run, and no more."""
    cures = {f"{service} {key}": cure for (service, key), cure in _CURES.items()}

    assert cures == {row[0].replace("`", ""): row[2] for _, row in list_rows("Service and answer")}


def test_every_row_is_whole():
    """Each message has a cause and a cure."""
    rows = [*ROWS, *list_rows("Service and answer")]

    assert rows
    assert [] == [row for _, row in rows if len(row) != 3 or not all(row)]
