"""The tool update_plan."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..errors import ToolError
from ..runner import Planned
from .tool import Desk, Tool


class PlanStep(BaseModel):
    """One step of the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str = Field(description="What is to be done, in a few words.")
    status: Literal["pending", "in_progress", "completed"] = Field(description="How far it is.")


class UpdatePlan(Tool):
    """Show the requester your plan, whole each time it changes. At most one step is in progress."""

    steps: list[PlanStep] = Field(description="All steps in order, three to seven of them.")

    @property
    def brief(self) -> str:
        """How far the plan is."""
        return f"{sum(s.status == 'completed' for s in self.steps)} of {len(self.steps)} steps done"

    def run(self, desk: Desk) -> str:
        """Tell the plan; it is shown in the status comment."""
        if sum(s.status == "in_progress" for s in self.steps) > 1:
            raise ToolError("More than one step is in progress; at most one may be.")
        if len(self.steps) > 20:
            raise ToolError("A plan has at most 20 steps.")
        desk.tell(Planned(tuple((s.step, s.status) for s in self.steps)))
        return "The plan is shown."
