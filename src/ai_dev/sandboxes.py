"""Network -> Workspace: the sandboxes of one run, so that none of them outlives it.

Each has the run's key in its metadata: by that one is found whose name nobody heard, and what an earlier attempt left.
"""

from __future__ import annotations

import contextlib
import math
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from .background import begin
from .budget import Budget
from .errors import AiDevError, Cancelled, ServiceError
from .network import Network
from .runner import Runner, Tell, Warned
from .settings import Settings
from .workspace import Workspace

_STRAY = "An earlier attempt left the sandbox {}. It is ended now, and what was not committed in it is lost."


@dataclass(frozen=True)
class Sandboxes:
    """Starts the sandboxes of a run, finds them again in its post step, and ends them."""

    settings: Settings
    runner: Runner
    budget: Budget
    network: Callable[[], Network]
    """What they may reach. Raises ServiceError."""
    tell: Tell
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Tells the sandboxes of this run, in this attempt, from all others."""
    alive: list[Workspace] = field(default_factory=list)

    @contextlib.contextmanager
    def start(self) -> Iterator[Future[Workspace]]:
        """A sandbox that is starting. It ends when this is left, as does one that takes its place.

        After a bug of ours, and when GitHub ends the run, the post step sees to it: what was done is still in there.
        """
        self.runner.save_state(sandbox_key=self.key)
        sandbox = begin(self.create)
        try:
            yield sandbox
        except Cancelled:
            raise
        except AiDevError:
            self._end(sandbox)
            raise
        else:
            self._end(sandbox)

    def create(self) -> Workspace:
        """A new one; those of earlier attempts of the run, which have surely ended, end now. Raises AiDevError."""
        runner = self.runner
        run = {"repository": runner.repository, "run-id": runner.run_id}
        if runner.run_attempt != "1":
            self._end_strays(run)
        seconds = 60 * max(1, math.ceil(self.budget.seconds_left / 60))
        metadata = {**run, "attempt": runner.run_attempt, "key": self.key}
        try:
            workspace = Workspace.create(self.settings, self.network(), metadata, seconds, self.tell)
        except ServiceError:
            self._end_unheard_of()
            raise
        replaced = [other.id for other in self.alive]  # and could not be ended
        self.alive.append(workspace)
        runner.save_state(sandbox_id=workspace.id, replaced=" ".join(replaced))
        return workspace

    def end_all(self) -> None:
        """End those that are alive; one that cannot be ended is tried again the next time."""
        for workspace in list(self.alive):
            try:
                workspace.close()
                self.alive.remove(workspace)
            except ServiceError as e:
                self.tell(Warned(f"The sandbox may live on until its time is up: {e}"))

    def find(self) -> list[str]:
        """The names of those that the main step left, the one in use first; perhaps it ended before it knew that."""
        state = self.runner.state
        used = [state["sandbox-id"]] if "sandbox-id" in state else []
        try:
            found = Workspace.find(self.settings, {"key": state["sandbox-key"]}) if "sandbox-key" in state else {}
        except ServiceError as e:
            self.tell(Warned(f"Sandboxes may live on until their time is up: {e}"))
            return used
        return [*used, *(sandbox_id for sandbox_id in found if sandbox_id not in used)]

    def _end(self, sandbox: Future[Workspace]) -> None:
        """End all, also the one that is still starting."""
        sandbox.exception()
        self.end_all()

    def _end_unheard_of(self) -> None:
        """End a sandbox that was created though nobody told us."""
        with contextlib.suppress(ServiceError):
            for sandbox_id in Workspace.find(self.settings, {"key": self.key}):
                Workspace.end(self.settings, sandbox_id)

    def _end_strays(self, run: dict[str, str]) -> None:
        try:
            for sandbox_id, metadata in Workspace.find(self.settings, run).items():
                if metadata.get("attempt") != self.runner.run_attempt:
                    Workspace.end(self.settings, sandbox_id)
                    self.tell(Warned(_STRAY.format(sandbox_id)))
        except ServiceError as e:
            self.tell(Warned(f"Sandboxes of earlier attempts may live on until their time is up: {e}"))
