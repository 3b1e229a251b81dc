"""The tool run_command."""

from pydantic import Field

from ..redaction import one_line
from ..runner import Printed
from ..workspace import Outcome
from .tool import Desk, Tool, locate

_DEFAULT_SECONDS = 300
_MOST_SECONDS = 1800


class RunCommand(Tool):
    """Run a command with bash and wait for it. Its output is shown; of a long one, the start and the end.

    Standard input is empty. A command that takes too long is ended with everything in its process group.
    """

    command: str = Field(description="The command line, for bash.")
    workdir: str | None = Field(None, description="Folder to run it in, from the repository root. Default the root.")
    timeout_seconds: int | None = Field(None, description="Ended after this long. Default 300, at most 1800.")

    @property
    def brief(self) -> str:
        """The command."""
        return one_line(self.command, 200)

    def run(self, desk: Desk) -> str:
        """Run it; the output goes to the log while it runs."""
        return execute(desk, self.command, self.workdir, self.timeout_seconds)


def execute(desk: Desk, command: str, workdir: str | None, seconds: int | None) -> str:
    """Run a command, for as long as the run's own time allows at the most; tell how it went, in words."""
    limit = max(1, min(seconds or _DEFAULT_SECONDS, _MOST_SECONDS, int(desk.budget.working_seconds_left)))
    outcome = desk.workspace.run(command, locate(workdir or "."), limit, lambda text: desk.tell(Printed(text)))
    return f"{_describe_end(outcome, limit)}\n\n{outcome.output}" if outcome.output else _describe_end(outcome, limit)


def _describe_end(outcome: Outcome, limit: int) -> str:
    took = f"{outcome.seconds:.1f} s"
    if outcome.exit_code in (124, 137) and outcome.seconds >= limit:
        end = f"Ended after {limit} s, because that was the time limit (exit code {outcome.exit_code})"
    elif outcome.exit_code == 137:
        end = f"Killed after {took} (exit code 137): most likely out of memory"
    else:
        end = f"Exit code {outcome.exit_code} after {took}"
    if outcome.size:
        return f"{end}. Output:"
    return f"{end}. It printed nothing."
