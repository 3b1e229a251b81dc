"""Snapshot, Workspace -> Ground: the repository in the sandbox, set up by its own commands, looked at, and closed.

All of it is done before any text of the issue is in use. The set-up commands are the base commit's and run on its tree;
what the model did in an earlier run is checked out behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from .budget import Budget
from .configuration import CONFIGURATION, SetUp
from .errors import ToolError
from .network import Network
from .probe import Boundary, Probe
from .redaction import inert, one_line
from .runner import Answered, Called, Note, Printed, Step, Tell, Warned
from .snapshot import Snapshot
from .task import read_prompt
from .workspace import REPOSITORY, Workspace

_LAST_LINES = 40
_LAST_CHARACTERS = 4_000


@dataclass(frozen=True)
class Failure:
    """A set-up command that failed."""

    command: str
    end: str
    """How it ended, in words."""
    output: str
    """The last lines that it printed."""

    def describe(self) -> str:
        """For the model: the command, how it ended, its last lines."""
        printed = f" The last lines of its output:\n\n{self.output}" if self.output else " It printed nothing."
        return f"$ {self.command}\n\n{self.end}.{printed}"


@dataclass(frozen=True)
class Ground:
    """What the work starts on."""

    tree: str
    """Id of the tree of the commit that is checked out."""
    network: Network
    found: str
    """What the probe found, in a sentence."""
    commands: int
    """How many set-up commands there were."""
    failures: tuple[Failure, ...]

    @classmethod
    def prepare(
        cls,
        workspace: Workspace,
        snapshot: Snapshot,
        boundary: Boundary,
        budget: Budget,
        tell: Tell,
    ) -> Self:
        """Bring sandbox and repository together.

        Raises AiDevError when the configuration has a fault, or the sandbox is not what it must be.
        """
        loaded = workspace.load(snapshot)
        commands = SetUp.read(loaded.configuration)
        failures: tuple[Failure, ...] = ()
        if commands:
            tell(Step(f"Set up as {CONFIGURATION} says"))
            failures = _set_up(workspace, commands, boundary.network, budget, tell)
        if loaded.configuration:
            workspace.check_out(snapshot.start)
        found = Probe.take(workspace, boundary).check(boundary)
        tell(Note(found))
        return cls(loaded.tree, boundary.network, found, len(commands), failures)

    def describe(self) -> str:
        """For the summary, in Markdown."""
        failed = [f"- `{one_line(f.command, 100).replace('`', ' ')}`: {f.end}." for f in self.failures]
        if not failed:
            return self.found
        return f"{self.found}\n\nOf {self.commands} set-up commands these failed:\n\n" + inert("\n".join(failed))

    def report_failures(self) -> str:
        """What the model is told of the set-up; empty when all is well."""
        if not self.failures:
            return ""
        return read_prompt("setup.md", failures="\n\n".join(failure.describe() for failure in self.failures))

    def describe_network(self) -> str:
        """What the model is told that it may reach."""
        if self.network.open:
            return "The sandbox can reach the Internet."
        if self.network.hosts:
            return f"The sandbox can reach only these hosts, by HTTP and HTTPS: {', '.join(self.network.hosts)}."
        return "The sandbox has no network: nothing can be downloaded or installed from outside, so do not try."


def _set_up(
    workspace: Workspace, commands: tuple[SetUp, ...], network: Network, budget: Budget, tell: Tell
) -> tuple[Failure, ...]:
    """Run the commands in their order; give those that failed. Raises Stopped when the run's time is up."""
    two_phases = network.open_for_set_up and not network.open
    if two_phases:
        workspace.restrict(Network(open=True))
    failures = [failure for command in commands if (failure := _run(workspace, command, budget, tell))]
    if two_phases:
        workspace.restrict(network)
    return tuple(failures)


def _run(workspace: Workspace, command: SetUp, budget: Budget, tell: Tell) -> Failure | None:
    budget.check_time()
    tell(Called("setup", one_line(command.run, 200)))
    seconds = max(1, min(command.minutes * 60, int(budget.working_seconds_left)))
    try:
        outcome = workspace.run(command.run, REPOSITORY, seconds, lambda text: tell(Printed(text)))
    except ToolError as e:
        failure = Failure(command.run, one_line(str(e), 1000).rstrip("."), "")
    else:
        late = f", its time limit of {seconds} s" if outcome.exit_code in (124, 137) else ""
        end = f"Exit code {outcome.exit_code} after {outcome.seconds:.1f} s{late}"
        tell(Answered(end))
        if not outcome.exit_code:
            return None
        lines = outcome.output[-_LAST_CHARACTERS:].strip().split("\n")
        failure = Failure(command.run, end, "\n".join(lines[-_LAST_LINES:]))
    tell(Warned(f"A set-up command failed, and the run goes on: {one_line(command.run, 200)} ({failure.end})."))
    return failure
