"""What is true of all tools, and what they are held to by the run's own limits."""

from __future__ import annotations

import time

import pytest

from ai_dev.bench import Bench
from ai_dev.budget import Budget
from ai_dev.model import describe
from ai_dev.network import Network
from ai_dev.settings import SECRETS, Settings, input_name
from ai_dev.tools import TOOLS, Desk
from ai_dev.tools.run_code import RunCode
from ai_dev.tools.run_command import RunCommand
from ai_dev.workspace import REPOSITORY, Workspace
from standins.e2b import E2B

KEY = "e2b_" + "0" * 20


@pytest.fixture
def workspace(directory):
    """A sandbox with one file in it."""
    with E2B(directory, keys=[KEY]) as service:
        if service.isolation != "namespaces":
            pytest.skip("this machine gives ordinary users no namespaces, which the E2B stand-in needs for its paths")
        environ = dict.fromkeys(map(input_name, SECRETS), KEY)
        addresses = dict.fromkeys(map(input_name, ("e2b_api_url", "e2b_sandbox_url")), service.url)
        workspace = Workspace.create(
            Settings.load({**environ, **addresses}), Network(open=True), {}, 60, lambda _: None
        )
        workspace.write(f"{REPOSITORY}/README.md", b"")
        yield workspace
        workspace.close()


@pytest.mark.parametrize(
    "tool",
    [
        RunCommand(command="echo begun; sleep 60", workdir="/tmp", timeout_seconds=1800),
        RunCode(language="bash", code="echo begun; sleep 60", timeout_seconds=None),
    ],
    ids=["command", "code"],
)
@pytest.mark.parametrize("left", [1.5, -5.0], ids=["little left", "none left"])
def test_command_ends_with_the_run(workspace, tool, left):
    """A command gets no more time than the run has left, and what it printed is kept."""
    desk = Desk(Bench(workspace, None, print, None), None, lambda _: None, Budget(10, left))
    began = time.monotonic()

    answer = tool.run(desk)

    assert "Ended after 1 s, because that was the time limit (exit code 124). Output:\n\nbegun\n" == answer
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_description(tool):
    """Every tool and every argument is described to the model, in the same bytes each time."""
    described = describe(tool)

    arguments = described["parameters"]["properties"]
    assert described["description"].endswith(".")
    assert [] == [name for name, argument in arguments.items() if not argument.get("description")]
    assert list(arguments) == described["parameters"]["required"]
    assert str(described) == str(describe(tool))


def test_registry():
    """The model is given these ten tools, in this order."""
    assert [
        "list_files",
        "read_file",
        "create_directory",
        "save_content_to_file",
        "apply_patch",
        "run_command",
        "run_code",
        "update_plan",
        "commit",
        "make_pull_request",
    ] == [describe(tool)["name"] for tool in TOOLS]
