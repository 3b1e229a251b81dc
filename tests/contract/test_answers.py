"""GitHub's own answers, its examples and the least that it promises, read by our code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ai_dev.repository import Repository

from .calls import Scene
from .description import JSON, Description

ID = "1" * 40
"""The least that an object of git can be called: the description does not say so."""
Reader = tuple[str, str, int, Callable[[Repository], object]]

READERS: dict[str, Reader] = {
    "read_about": ("GET", "", 200, lambda r: r.read_about()),
    "read_permission": ("GET", "/collaborators/ada/permission", 200, lambda r: r.read_permission("ada")),
    "read_issue": ("GET", "/issues/1", 200, lambda r: r.read_issue(1)),
    "read_comments": ("GET", "/issues/1/comments", 200, lambda r: r.read_comments(1)),
    "react": ("POST", "/issues/1/reactions", 201, lambda r: r.react(1)),
    "react, again": ("POST", "/issues/1/reactions", 200, lambda r: r.react(1)),
    "react, to a comment": ("POST", "/issues/comments/2/reactions", 201, lambda r: r.react(1, 2)),
    "post_comment": ("POST", "/issues/1/comments", 201, lambda r: r.post_comment(1, "Hello", "Hello")),
    "edit_comment": ("PATCH", "/issues/comments/2", 200, lambda r: r.edit_comment(2, "Hello")),
    "create_blob": ("POST", "/git/blobs", 201, lambda r: r.create_blob("")),
    "create_tree": ("POST", "/git/trees", 201, lambda r: r.create_tree("1" * 40, [])),
    "create_commit": ("POST", "/git/commits", 201, lambda r: r.create_commit("Change", "1" * 40, "2" * 40)),
    "read_commit": ("GET", "/commits/new", 200, lambda r: r.read_commit("new")),
    "compare": ("GET", "/compare/1...2", 200, lambda r: r.compare("1", "2")),
    "create_ref": ("POST", "/git/refs", 201, lambda r: r.create_ref("refs/ai-dev/claims/issue-1", ID)),
    "create_branch": ("POST", "/git/refs", 201, lambda r: r.create_branch("new", "1" * 40)),
    "move_ref": ("PATCH", "/git/refs/heads/new", 200, lambda r: r.move_ref("heads/new", "1" * 40)),
    "read_ref": ("GET", "/git/ref/heads/new", 200, lambda r: r.read_ref("heads/new")),
    "find_pulls": ("GET", "/pulls", 200, lambda r: r.find_pulls("new")),
    "create_pull": ("POST", "/pulls", 201, lambda r: r.create_pull("new", "main", "New", "", draft=True)),
    "update_pull": ("PATCH", "/pulls/3", 200, lambda r: r.update_pull(3, "New", "")),
}
"""Methods that read an answer: the request that it answers, its status, the call."""
SPARSELY_READ = {name: reader for name, reader in READERS.items() if "react" not in name}
"""A reaction's user is null only where the account is gone, and ours has just reacted."""


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_examples_are_read(description: Description, scene: Scene, reader: Reader) -> None:
    """Every answer that GitHub gives as an example is read without complaint."""
    method, path, status, call = reader
    path = f"/repos/{scene.repository.full_name}{path}"
    examples = description.find(method, path).answer_examples(status)
    assert examples
    for example in examples:
        with scene.answering(method, path, status, example):
            call(scene.repository)


@pytest.mark.parametrize("reader", SPARSELY_READ.values(), ids=SPARSELY_READ.keys())
def test_the_least_is_read(description: Description, scene: Scene, reader: Reader) -> None:
    """An answer without the fields that GitHub does not promise, and with null where that may be, is read."""
    method, path, status, call = reader
    path = f"/repos/{scene.repository.full_name}{path}"
    schema = description.find(method, path).answer_schema(status)
    assert schema is not None
    with scene.answering(method, path, status, least(description, schema, items=1)):
        call(scene.repository)


def least(description: Description, schema: JSON, *, items: int = 0) -> Any:
    """The least value that fits: only what is required, null where it may be; a list has so many items."""
    schema = description.resolve(schema)
    if schema.get("nullable"):
        return None
    if choices := schema.get("oneOf", schema.get("anyOf")):
        return least(description, choices[0])
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "array":
        return [least(description, schema["items"])] * items
    fields = schema.get("properties", {})
    filled = {name: least(description, fields[name]) for name in schema.get("required", ()) if name in fields}
    filled |= {name: ID for name, value in filled.items() if name == "sha" and value == ""}
    return {"object": filled, "string": "", "integer": 0, "number": 0, "boolean": False}[schema["type"]]
