"""Set-up commands and time: each has its limit, and all of them that of the run."""

from dataclasses import dataclass, field

import pytest

from ai_dev import preparation
from ai_dev.budget import Budget
from ai_dev.configuration import SetUp
from ai_dev.errors import Stopped, ToolError
from ai_dev.network import Network
from ai_dev.runner import Warned
from ai_dev.workspace import Outcome

OPEN = Network(open=True, open_for_set_up=True)
PRIVATE = Network(open=False, open_for_set_up=True)


@dataclass
class Sandbox:
    """Stands for a workspace: commands end as told, and everything that is done is kept."""

    ends: dict[str, Outcome | Exception] = field(default_factory=dict)
    done: list[tuple[str, object]] = field(default_factory=list)

    def run(self, command, workdir, seconds, on_output):
        assert workdir == "/home/user/repository"
        self.done.append((command, seconds))
        end = self.ends.get(command, Outcome(0, 1.0, "", 0, "/f"))
        if isinstance(end, Exception):
            raise end
        on_output(end.output)
        return end

    def restrict(self, network):
        self.done.append(("restrict", network))


def set_up(sandbox, *commands, network=OPEN, seconds=3600.0, told=None):
    """What came of these commands."""
    events = [] if told is None else told
    return preparation._set_up(sandbox, commands, network, Budget(10, seconds), events.append)


def test_limits():
    """A command has the minutes that the file gives it, or what the run has left to work if that is less."""
    sandbox = Sandbox()

    assert () == set_up(sandbox, SetUp("a", 3), SetUp("b", 300), seconds=1000)
    assert ("a", 180) == sandbox.done[0]
    assert 900 <= sandbox.done[1][1] <= 920  # 80 s are kept for the model's farewell


def test_no_time_left():
    """When the run's time is up no further command begins."""
    sandbox = Sandbox()

    with pytest.raises(Stopped):
        set_up(sandbox, SetUp("a"), seconds=-1)

    assert [] == sandbox.done


def test_late():
    """A command that was ended at its limit says so, and the next one runs."""
    sandbox, told = Sandbox({"a": Outcome(124, 60.0, "so far\n", 7, "/f")}), []

    (failure,) = set_up(sandbox, SetUp("a", 1), SetUp("b"), told=told)

    assert ("Exit code 124 after 60.0 s, its time limit of 60 s", "so far") == (failure.end, failure.output)
    assert ["a", "b"] == [name for name, _ in sandbox.done]
    assert 1 == sum(isinstance(event, Warned) for event in told)


def test_unknown_end():
    """A command whose end is unknown counts as failed."""
    sandbox = Sandbox({"a": ToolError("Could not run a command in time; what came of it is unknown.")})

    (failure,) = set_up(sandbox, SetUp("a"))

    assert (
        "$ a\n\nCould not run a command in time; what came of it is unknown. It printed nothing." == failure.describe()
    )


def test_last_lines():
    """Of long output the last lines are told, capped."""
    output = "".join(f"line {n} {'x' * 200}\n" for n in range(200))
    (failure,) = set_up(Sandbox({"a": Outcome(1, 1.0, output, len(output), "/f")}), SetUp("a"))

    assert "line 199" in failure.output
    assert len(failure.output) <= 4000
    assert failure.output.count("\n") < 40


def test_phases():
    """A network that is open for the set-up is closed behind the last command, also when one fails."""
    sandbox = Sandbox({"a": Outcome(1, 1.0, "", 0, "/f")})

    set_up(sandbox, SetUp("a"), SetUp("b"), network=PRIVATE)

    names = [name for name, _ in sandbox.done]
    assert ["restrict", "a", "b", "restrict"] == names
    assert [Network(open=True), PRIVATE] == [what for name, what in sandbox.done if name == "restrict"]
