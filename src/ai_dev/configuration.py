"""The repository's .github/ai-dev.yml -> SetUp: read as data, at the base commit. The only module that imports yaml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import yaml  # type: ignore[import-untyped]

from .errors import AiDevError
from .redaction import one_line

CONFIGURATION = ".github/ai-dev.yml"
"""The repository's configuration; it is read at the base commit, as data."""
CONFIGURATION_LIMIT = 16 << 10
"""Bytes that it may have."""
_COMMANDS = 20
_COMMAND_LENGTH = 4_000
_MINUTES = 10
_MOST_MINUTES = 360
_DEPTH = 5
_FORM = (
    "It may have one key, `setup`: a list of commands, each a text, or a mapping of `run` (the text) and `minutes` "
    "(its time limit, a whole number). Correct it on the base branch."
)


@dataclass(frozen=True)
class SetUp:
    """A command that makes the sandbox ready for work on the repository."""

    run: str
    minutes: int = _MINUTES

    @staticmethod
    def read(data: bytes) -> tuple[SetUp, ...]:
        """The commands in a configuration file. Raises AiDevError with the line of the first fault and the cure."""
        if len(data) > CONFIGURATION_LIMIT:
            _refuse(data[:CONFIGURATION_LIMIT].count(b"\n") + 1, f"it has more than {CONFIGURATION_LIMIT:,} bytes")
        try:
            text = data.decode()
        except UnicodeDecodeError as e:
            _refuse(data[: e.start].count(b"\n") + 1, "it is not UTF-8")
        settings = _compose(text)
        if settings is None:
            return ()
        commands = _fields(settings, "the file", {"setup"}).get("setup")
        if commands is None:
            return ()
        if not isinstance(commands.value, list):
            _refuse(commands.line, "`setup` is not a list")
        if len(commands.value) > _COMMANDS:
            _refuse(commands.line, f"`setup` has more than {_COMMANDS} commands")
        return tuple(_read_command(command) for command in commands.value)


@dataclass(frozen=True)
class _Node:
    """A value in a YAML file, and where it stands."""

    value: str | list[_Node] | dict[str, _Node]
    line: int
    tag: str = ""
    """What YAML takes a scalar for: ``str``, ``int``, ``bool``, ``null``, …"""


def _read_command(node: _Node) -> SetUp:
    if not isinstance(node.value, dict):
        return SetUp(_read_text(node))
    fields = _fields(node, "a command", {"run", "minutes"})
    if "run" not in fields:
        _refuse(node.line, "a command has no `run`")
    minutes = fields.get("minutes", _Node(str(_MINUTES), node.line, "int"))
    number = minutes.value if minutes.tag == "int" else ""
    if not (isinstance(number, str) and re.fullmatch(r"[1-9][0-9]{0,2}", number) and int(number) <= _MOST_MINUTES):
        _refuse(minutes.line, f"`minutes` is not a whole number from 1 to {_MOST_MINUTES}")
    return SetUp(_read_text(fields["run"]), int(number))


def _read_text(node: _Node) -> str:
    text = node.value
    if not isinstance(text, str) or node.tag != "str":
        _refuse(node.line, "a command is not a text (put it in quotes)")
    if not text.strip() or len(text) > _COMMAND_LENGTH:
        _refuse(node.line, f"a command is empty or has more than {_COMMAND_LENGTH:,} characters")
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t" for c in text):
        _refuse(node.line, "a command has control or invisible characters")
    return text


def _fields(node: _Node, what: str, known: set[str]) -> dict[str, _Node]:
    if not isinstance(node.value, dict):
        _refuse(node.line, f"{what} is not a mapping of keys")
    for key, value in node.value.items():
        if key not in known:
            _refuse(value.line, f"the key {one_line(key, 60)} is not known in {what}")
    return node.value


def _compose(text: str) -> _Node | None:
    """The one value in a YAML text; None where there is none. No tag, anchor or alias, no key twice, not deep."""
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as e:
        _refuse(text.count("\n", 0, e.position) + 1, "it has a character that YAML does not allow")
    try:
        events = _read_events(loader)
        event = next(events, None)
        node = _compose_node(event, events, _DEPTH) if event else None
        if (more := next(events, None)) is not None:
            _refuse(_line(more), "it has more than one document")
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        _refuse((mark.line if mark else loader.line) + 1, f"YAML cannot read it: {one_line(str(e.problem), 200)}")
    except (yaml.YAMLError, ValueError, OverflowError):
        _refuse(loader.line + 1, "YAML cannot read it")
    return node


def _read_events(loader: yaml.SafeLoader) -> Iterator[Any]:
    """The parser's events, one by one, but for the frame around them."""
    while loader.check_event():
        event = loader.get_event()
        if isinstance(event, yaml.DocumentStartEvent) and (event.tags or event.version):
            _refuse(_line(event), "YAML directives are not allowed")
        if getattr(event, "anchor", None):
            _refuse(_line(event), "anchors and aliases are not allowed")
        if getattr(event, "tag", None):
            _refuse(_line(event), "tags are not allowed")
        if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            yield event


def _compose_node(event: Any, events: Iterator[Any], depth: int) -> _Node:
    line = _line(event)
    if not depth:
        _refuse(line, "it is nested too deeply")
    if isinstance(event, yaml.SequenceStartEvent):
        return _Node([_compose_node(item, events, depth - 1) for item in _until_end(events)], line)
    if isinstance(event, yaml.MappingStartEvent):
        mapping: dict[str, _Node] = {}
        for key in _until_end(events):
            if not isinstance(key, yaml.ScalarEvent):
                _refuse(_line(key), "a key is not a word")
            if key.value in mapping:
                _refuse(_line(key), f"the key {one_line(key.value, 60)} is there twice")
            mapping[key.value] = replace(_compose_node(next(events), events, depth - 1), line=_line(key))
        return _Node(mapping, line)
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, event.value[: _COMMAND_LENGTH + 1], event.implicit)
    return _Node(event.value, line, tag.rpartition(":")[2])


def _until_end(events: Iterator[Any]) -> Iterator[Any]:
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            return
        yield event


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _refuse(line: int, said: str) -> NoReturn:
    raise AiDevError(f"The repository's configuration {CONFIGURATION} has a fault.", f"Line {line}: {said}.", _FORM)
