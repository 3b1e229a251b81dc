"""Our requests and the stand-in's answers, held against GitHub's description of its REST API."""

from __future__ import annotations

import re

import pytest

from ai_dev.errors import ServiceError
from ai_dev.repository import Repository
from standins.github import GitHub

from .calls import GRANTED, REFUSED, Call, Exchange, Scene
from .description import Description

Said = list[Exchange]


@pytest.fixture(scope="module", params=GRANTED.values(), ids=list(GRANTED))
def said(request: pytest.FixtureRequest, scene: Scene) -> Said:
    """What is said in one call that GitHub grants."""
    return scene.record(request.param)


def request_faults(description: Description, said: Said) -> list[str]:
    """Where our requests depart from GitHub's description."""
    return [
        fault for one in said for fault in description.find(one.method, one.path).request_faults(one.query, one.sent)
    ]


def answer_faults(description: Description, said: Said) -> list[str]:
    """Where the stand-in's answers depart from it."""
    return [
        fault for one in said for fault in description.find(one.method, one.path).answer_faults(one.status, one.answer)
    ]


def test_every_method_is_called() -> None:
    """A method that is added to Repository has to be added to the calls."""
    methods = {name for name, value in vars(Repository).items() if callable(value) and not name.startswith("_")}
    assert methods == {name.partition(",")[0] for name in GRANTED} | {"read_viewer", "close"}


def test_requests_are_as_described(description: Description, said: Said) -> None:
    """Every request of ours has an address, parameters and a body that GitHub describes."""
    assert said
    assert request_faults(description, said) == []


def test_answers_are_as_described(description: Description, said: Said) -> None:
    """Every field that the stand-in answers is one that GitHub describes, of its type."""
    assert answer_faults(description, said) == []


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED.keys())
def test_refusals_are_as_described(description: Description, scene: Scene, call: Call) -> None:
    """What is refused was still asked as GitHub describes, and the stand-in refuses it in GitHub's form."""

    def ask(scene: Scene) -> None:
        with pytest.raises(ServiceError):
            call(scene)

    said = scene.record(ask)
    assert said[-1].status in (403, 404, 422)
    assert request_faults(description, said) == []
    # GitHub sends this field with every error, but describes it only for those without details.
    assert set(answer_faults(description, said)) <= {"$.status: not in GitHub's description"}


def test_standin_serves_no_address_of_its_own(description: Description) -> None:
    """The stand-in's REST addresses are all GitHub's."""
    served = [
        # A value for each parameter; the last one is empty where it is the path of the root directory.
        (method, re.sub(r"<[^>]*>|(?<=/contents/)$", "1", rule.rule.removeprefix("/rest")))
        for rule in GitHub.url_map.iter_rules()
        if rule.rule.startswith("/rest/")
        for method in rule.methods or ()
        if method != "HEAD"  # comes with every GET
    ]
    assert served
    for method, path in served:
        description.find(method, path)
