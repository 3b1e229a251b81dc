"""Our GraphQL query and the stand-in's answer, held against GitHub's schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from .calls import Scene

Types = dict[str, Any]


def test_query_is_in_the_schema(graphql: Types, scene: Scene) -> None:
    """We ask only for fields that GitHub has, and the stand-in answers with exactly these, of their types."""
    [said] = scene.record(lambda scene: scene.repository.read_viewer())
    assert (said.method, said.path, said.query, said.sent.keys()) == ("POST", "/graphql", {}, {"query"})
    assert faults(graphql, said.sent["query"], said.answer["data"]) == []


@pytest.mark.parametrize(
    ("query", "data", "fault"),
    [
        ("{ viewer { nick } }", {"viewer": {"nick": "ada"}}, "User.nick: not in GitHub's schema"),
        ("{ viewer { login } }", {"viewer": {"login": None}}, "User.login: None is no String!"),
        ("{ viewer { databaseId } }", {"viewer": {"databaseId": "1"}}, "User.databaseId: '1' is no Int"),
        ("{ viewer { login } }", {"viewer": {}}, "User: not the fields that were asked for"),
        ("{ viewer }", {"viewer": {}}, "Query.viewer: has to be asked for fields"),
    ],
)
def test_a_wrong_query_is_found(graphql: Types, query: str, data: Any, fault: str) -> None:
    """A field that GitHub lacks, an answer of the wrong type, and one that is not what was asked for."""
    assert faults(graphql, query, data) == [fault]


def faults(types: Types, query: str, data: Any) -> list[str]:
    """Where a query of plain names departs from the schema, and its answer from both."""
    words = re.findall(r"[{}]|\w+", query)
    assert "".join(words) == re.sub(r"\s", "", query), "only names and braces are understood here"
    selected: list[dict[str, Any]] = [{}]
    name = "query"
    for word in words:
        if word == "{":
            selected.append({})
            selected[-2][name] = selected[-1]
        elif word == "}":
            selected.pop()
        else:
            name = word
            selected[-1][name] = {}
    return list(_compare(types, "Query", selected[0]["query"], data))


def _compare(types: Types, kind: str, selected: dict[str, Any], data: Any) -> Iterator[str]:
    if data.keys() != selected.keys():
        yield f"{kind}: not the fields that were asked for"
        return
    fields = {field["name"]: field["type"] for field in types[kind]["fields"]}
    for name, inner in selected.items():
        place = f"{kind}.{name}"
        if name not in fields:
            yield f"{place}: not in GitHub's schema"
            continue
        named = _name(fields[name])
        if types[named.rstrip("!")]["kind"] != "OBJECT":
            if not _fits(named, data[name]):
                yield f"{place}: {data[name]!r} is no {named}"
        elif inner:
            yield from _compare(types, named.rstrip("!"), inner, data[name])
        else:
            yield f"{place}: has to be asked for fields"


def _name(kind: dict[str, Any]) -> str:
    if kind["kind"] == "NON_NULL":
        return _name(kind["ofType"]) + "!"
    name: str = kind["name"]
    return name


def _fits(kind: str, value: Any) -> bool:
    if value is None:
        return not kind.endswith("!")
    return type(value) is {"String": str, "Int": int, "Boolean": bool}[kind.rstrip("!")]
