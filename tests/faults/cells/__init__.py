"""All cells, a module for each kind of fault."""

from . import github, limits, meetings, model, sandbox, signals

CELLS = (*signals.CELLS, *sandbox.CELLS, *model.CELLS, *github.CELLS, *limits.CELLS, *meetings.CELLS)

__all__ = ["CELLS"]
