"""All attacks, a module for each kind of attacker."""

from . import (
    changes,
    contents,
    elsewhere,
    faults,
    issue_author,
    lies,
    model,
    outsiders,
    published,
    repository,
    sandbox,
    services,
    starter,
    texts,
    withdrawal,
    words,
)

ATTACKS = (
    *starter.ATTACKS,
    *outsiders.ATTACKS,
    *issue_author.ATTACKS,
    *texts.ATTACKS,
    *repository.ATTACKS,
    *contents.ATTACKS,
    *model.ATTACKS,
    *changes.ATTACKS,
    *words.ATTACKS,
    *published.ATTACKS,
    *sandbox.ATTACKS,
    *lies.ATTACKS,
    *services.ATTACKS,
    *faults.ATTACKS,
    *elsewhere.ATTACKS,
    *withdrawal.ATTACKS,
)

__all__ = ["ATTACKS"]
