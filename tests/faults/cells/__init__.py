"""All cells, a module for each kind of fault."""

from . import model, sandbox, signals

CELLS = (*signals.CELLS, *sandbox.CELLS, *model.CELLS)

__all__ = ["CELLS"]
