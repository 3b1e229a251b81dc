"""A limit of the run is reached: in turns, or in dollars."""

from __future__ import annotations

from typing import Any

from standins.openai import Reply, Step, reply, say
from tests.faults import story
from tests.faults.cells.acts import meets, nothing
from tests.faults.scene import Cell

WORK, FIRST, NOTES, SECOND, PULL, DONE = story.STORY
LEFT = say("Not all is done.")
MOMENTS: dict[str, tuple[Reply, ...]] = {
    "mid-stream, nothing is committed": (WORK,),
    "mid-stream, all is committed": (WORK, FIRST),
    "mid-stream, more is written": (WORK, FIRST, NOTES),
    "pull request": (WORK, FIRST, NOTES, SECOND),
    "deliver": (WORK, FIRST, NOTES, SECOND, PULL),
}
DEAR = {"input_tokens": 10_000_000, "output_tokens": 1000, "input_tokens_details": None}


def dear(step: Reply) -> Reply:
    """The same reply, which costs more than there is."""
    return reply(*step.items, usage=DEAR)


def farewell(_: Any) -> Step:
    """The model's last words."""
    return reply(LEFT)


CELLS = (
    Cell("limit of 1 turn", "first request", meets(nothing, WORK, inputs={"max-turns": "1"}), "stopped", "limit of 1 turn"),
    *(
        Cell(f"limit of {len(steps) + 1} turns", name, meets(nothing, *steps, farewell, inputs={"max-turns": str(len(steps) + 1)}),
             "stopped", "Not all is done")
        for name, steps in MOMENTS.items()
    ),
    *(
        Cell("limit of $1", name, meets(nothing, *steps[:-1], dear(steps[-1]), inputs={"max-cost": "1"}), "stopped", r"limit of \$1")
        for name, steps in MOMENTS.items()
    ),
    Cell("limit of $0.01", "first request", meets(nothing, inputs={"max-cost": "0.0100"}), "stopped", "raise the input max-cost"),
)  # fmt: skip
