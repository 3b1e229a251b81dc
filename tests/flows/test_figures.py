"""What a run may cost at most; ``python -m tests.figures`` prints what it does cost."""

import os

from tests.figures import measure
from tests.projects import CALCULATOR


def test_memory(directory):
    """A run stays small, and a large repository passes through without being held in memory."""
    plain = measure(directory / "plain", CALCULATOR)
    large = measure(directory / "large", {**CALCULATOR, "large.bin": os.urandom(24 << 20)})

    assert ("opened", "opened") == (plain.status, large.status)
    assert plain.memory < 150
    assert large.memory - plain.memory < 12
