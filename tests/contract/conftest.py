"""GitHub's descriptions as fixtures: without them the tests are skipped, on CI they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from .calls import Scene
from .description import Description
from .packages import EVENTS, GRAPHQL, REST, Package, Unavailable


@pytest.fixture(scope="session")
def description() -> Description:
    """GitHub's description of its REST API."""
    return Description(_load(REST)[0])


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The stand-in with a small repository."""
    with Scene.open(tmp_path_factory.mktemp("github")) as scene:
        yield scene
        assert scene.server.problems == []


@pytest.fixture(scope="session")
def graphql() -> dict[str, Any]:
    """GitHub's GraphQL schema: its types by their names."""
    schema = _load(GRAPHQL)[0]["__schema"]
    return {kind["name"]: kind for kind in schema["types"]}


@pytest.fixture(scope="session")
def examples() -> list[tuple[str, Any]]:
    """All of GitHub's example payloads, each with its event's name."""
    return [(event["name"], payload) for server in _load(EVENTS) for event in server for payload in event["examples"]]


def _load(package: Package) -> list[Any]:
    try:
        return package.load()
    except Unavailable as e:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{e} On CI these tests must run.")
        pytest.skip(str(e))
