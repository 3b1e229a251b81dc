"""All cells, a module for each kind of fault."""

from . import signals

CELLS = (*signals.CELLS,)

__all__ = ["CELLS"]
