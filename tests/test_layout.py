"""The rules of the layout: a module's place in the order says what it may import, and each SDK has one owner."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "ai_dev"

ORDER = (
    "errors",
    "html_text",
    "visible",
    "leaks",
    "redaction",
    "network",
    "prices",
    "settings",
    "configuration",
    "runner",
    "background",
    "answers",
    "repository",
    "marker",
    "claim",
    "snapshot",
    "event",
    "access",
    "discussion",
    "task",
    "workspace",
    "probe",
    "survey",
    "objects",
    "policy",
    "flags",
    "change",
    "patch_file",
    "branch_name",
    "origin",
    "pull_request",
    "rehearsal",
    "bench",
    "conversation",
    "model",
    "budget",
    "preparation",
    "tools",
    "agent",
    "log",
    "status_comment",
    "report",
    "delivery",
    "sandboxes",
    "session",
    "post_step",
    "main",
)

OWNERS = {
    "markdown_it": "visible",
    "yaml": "configuration",
    "github": "repository",
    "dulwich": "snapshot",
    "e2b": "workspace",
    "openai": "model",
}

FILES = sorted(file for file in PACKAGE.rglob("*.py") if file != PACKAGE / "__init__.py")


def name_module(file: Path) -> str:
    """The module of the order that a file is, or is part of."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def read_imports(file: Path) -> Iterator[str]:
    """The full dotted names that a file imports anywhere in it."""
    package = ["ai_dev", *file.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            yield from (".".join([*above, *filter(None, [node.module]), alias.name]) for alias in node.names)


def list_foreign() -> dict[str, set[str]]:
    """The packages that are neither ours nor Python's own, each with the modules that import it."""
    foreign: dict[str, set[str]] = {}
    for file in FILES:
        for name in read_imports(file):
            top = name.partition(".")[0]
            if top != "ai_dev" and top not in sys.stdlib_module_names:
                foreign.setdefault(top, set()).add(name_module(file))
    return foreign


def test_order_is_complete():
    """Every module has its place in the order, and the architecture's list has the same order."""
    listed = re.findall(r"^([a-z_]+)(?:\.py|/) ", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.MULTILINE)

    assert sorted(ORDER) == sorted({name_module(file) for file in FILES})
    assert list(ORDER) == listed


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_from_above(file):
    """A module imports from those before it in the order, and from no other of ours."""
    module = name_module(file)
    ours = {name.split(".")[1] for name in read_imports(file) if name.startswith("ai_dev.")} - {module}

    assert set() == ours - set(ORDER[: ORDER.index(module)])


def test_one_owner():
    """No module but its owner imports an SDK."""
    foreign = list_foreign()

    assert {} == {name: foreign[name] for name, owner in OWNERS.items() if foreign.get(name, {owner}) != {owner}}


def test_requirements():
    """requirements.in names what the package imports, and nothing else."""
    distributions = packages_distributions()
    imported = {distributions[name][0].lower() for name in list_foreign()}
    required = re.findall(r"^[A-Za-z0-9._-]+", (ROOT / "requirements.in").read_text("utf-8"), re.MULTILINE)

    assert sorted(imported) == sorted(name.lower() for name in required)
