"""The checks against GitHub's description find what is wrong, so that their silence says something."""

from __future__ import annotations

import pytest

from .description import Description

UNKNOWN = "not in GitHub's description"


def test_a_wrong_address_is_found(description: Description) -> None:
    """A path that GitHub lacks and a method that a path lacks are no operation."""
    for method, path in (("GET", "/repos/octo/demo/pull/1"), ("POST", "/repos/octo/demo/git/ref/heads/main")):
        with pytest.raises(LookupError):
            description.find(method, path)


def test_a_fixed_path_goes_before_a_parameter(description: Description) -> None:
    """The most exact path wins, and only parameters that may have slashes take them."""
    comment = description.find("GET", "/repos/o/r/issues/comments/1")
    assert comment.name == "GET /repos/{owner}/{repo}/issues/comments/{comment_id}"
    assert description.find("GET", "/repos/o/r/git/ref/heads/a/b").values["ref"] == "heads/a/b"


def test_wrong_parameters_are_found(description: Description) -> None:
    """Values that do not fit and names that GitHub does not know."""
    pulls = description.find("GET", "/repos/octo/demo/pulls")
    assert pulls.request_faults({"state": "any", "author": "ada", "per_page": "ten"}, None) == [
        "query state: $: 'any' is not one of ['open', 'closed', 'all']",
        f"query author: {UNKNOWN}",
        "query per_page: $: 'ten' is not of type 'integer'",
    ]
    issue = description.find("GET", "/repos/octo/demo/issues/one")
    assert issue.request_faults({}, None) == ["path issue_number: $: 'one' is not of type 'integer'"]


def test_a_wrong_body_is_found(description: Description) -> None:
    """Types, values, fields too many and too few, a body that is missing and one that is not wanted."""
    tree = description.find("POST", "/repos/octo/demo/git/trees")
    entry = {"path": 1, "mode": "100600", "size": 1, "sha": None}
    assert tree.request_faults({}, {"tree": [entry]}) == [
        "$.tree[0].path: 1 is not of type 'string'",
        "$.tree[0].mode: '100600' is not one of ['100644', '100755', '040000', '160000', '120000']",
        f"$.tree[0].size: {UNKNOWN}",
    ]
    assert tree.request_faults({}, {}) == ["$: 'tree' is a required property"]
    assert tree.request_faults({}, None) == ["a body is required"]
    assert description.find("GET", "/repos/octo/demo/pulls").request_faults({}, {}) == ["a body is not expected"]


def test_a_wrong_answer_is_found(description: Description) -> None:
    """A field that GitHub does not send, a wrong type and another status; a field that is left out is not wrong."""
    issue = description.find("GET", "/repos/octo/demo/issues/1")
    user = {"login": "ada", "id": "1", "nick": "a"}
    assert issue.answer_faults(200, {"number": 1, "body": None, "title": None, "user": user}) == [
        "$.title: None is not of type 'string'",
        "$.user.id: '1' is not of type 'integer'",
        f"$.user.nick: {UNKNOWN}",
    ]
    assert issue.answer_faults(201, {}) == ["201 is not described"]
    comment = description.find("DELETE", "/repos/octo/demo/issues/comments/1")
    assert comment.answer_faults(204, {}) == ["204 has no body"]
