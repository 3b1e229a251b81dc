"""What the sandbox may reach: by itself, by the input, in two phases; and what the user and the model hear of it."""

from dataclasses import dataclass

import pytest

from standins.openai import reply, say
from tests.flows.tools import sh, use
from tests.projects import CALCULATOR, fix_script

CLOSED = {"denyOut": ["0.0.0.0/0"]}
REACH = "exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'x\\r\\n\\r\\n' >&3 && head -c 1 <&3 >/dev/null && echo reached"


def reach(stage):
    """A call that says ``reached`` where this machine can be reached."""
    return sh(REACH.format(port=stage.github.server_url.rsplit(":", 1)[1]) + " || true")


def policies(stage):
    """What the sandbox might reach at its start, and each time that this was changed."""
    created = [sent.json for sent in stage.e2b.requests("POST", "/v2/sandboxes$")]
    changed = [sent.json for sent in stage.e2b.requests("PUT", "/network$")]
    return [sent.get("network", {}) for sent in created] + changed


def told(stage):
    """What the model is told of its network."""
    instructions = stage.openai.journal[0].json["instructions"]
    return next(
        line for line in instructions.split("\n") if line.startswith(("- The sandbox can", "- The sandbox has"))
    )


@dataclass(frozen=True)
class Case:
    """An input for a repository: E2B's policy, what the summary shows, what the model is told."""

    choice: str
    policy: dict
    shown: str
    said: str
    private: bool = False


CASES = {
    "public": Case("auto", {}, "open, 2 of 2", "can reach the Internet"),
    "private": Case("auto", CLOSED, "closed, 0 of 2", "has no network", private=True),
    "private but open": Case("open", {}, "open, 2 of 2", "can reach the Internet", private=True),
    "closed": Case("closed", CLOSED, "closed, 0 of 2", "has no network"),
    "list": Case(
        "192.0.2.7\n198.51.100.0/24",
        {**CLOSED, "allowOut": ["192.0.2.7", "198.51.100.0/24"], "dnsServers": []},
        "only 192.0.2.7, 198.51.100.0/24, 0 of 2",
        "only these hosts, by HTTP and HTTPS: 192.0.2.7, 198.51.100.0/24.",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_policy(set_stage, act, case):
    """The sandbox has its policy from its first moment, its ports are never public, and everybody is told."""
    stage = set_stage(private=case.private)
    stage.repository.add_issue("add() subtracts", "", user="octo")

    used = use(stage, act, reach(stage), inputs={"sandbox-network": case.choice})

    assert [{**case.policy, "allowPublicTraffic": False}] == policies(stage)
    assert ("reached" in used.answer) == case.shown.startswith("open")
    for page in (used.result.log, used.result.summary):
        assert f"none of the workflow's secrets, no credential of git's and no remote; network: {case.shown}" in page
    assert case.said in told(stage)


def test_privacy_is_never_assumed(stage, act):
    """Where the payload does not say that the repository is public, its sandbox is closed."""
    event = stage.repository.event("labeled", number=1, label="ai-dev", sender="octo")
    del event["repository"]["private"]
    stage.openai.play(*fix_script())

    result = act(stage.job("issues", event))

    assert "network: closed" in result.summary
    assert "opened" == result.outputs["status"]


def test_privacy_is_asked_of_github(stage, act):
    """Where the payload does not describe the repository, GitHub is asked."""
    event = stage.repository.event("labeled", number=1, label="ai-dev", sender="octo")
    del event["repository"]
    stage.openai.play(*fix_script())

    assert "network: open" in act(stage.job("issues", event)).summary


SET_UP = {**CALCULATOR, ".github/ai-dev.yml": "setup:\n- |\n  (REACH || echo closed) > /tmp/set-up\n"}


def test_two_phases(set_stage, act):
    """A private repository's set-up commands may reach everything, the model nothing."""
    stage = set_stage({}, private=True)
    port = stage.github.server_url.rsplit(":", 1)[1]
    stage.repository.push(
        "main",
        {path: text.replace("REACH", REACH.format(port=port)).encode() for path, text in SET_UP.items()},
        message="Begin",
        author="octo",
    )
    stage.repository.add_issue("add() subtracts", "", user="octo")

    used = use(stage, act, sh("cat /tmp/set-up"), reach(stage))

    assert "reached" in used.answers[0]
    assert "reached" not in used.answers[1]
    assert [{**CLOSED, "allowPublicTraffic": False}, {}, CLOSED] == policies(stage)
    assert "network: closed, 0 of 2 connections answered" in used.result.summary


@pytest.mark.parametrize("choice", ["closed", "192.0.2.7"])
def test_one_phase(set_stage, act, choice):
    """What the workflow has closed stays closed, for set-up commands too."""
    stage = set_stage({**CALCULATOR, ".github/ai-dev.yml": "setup: ['true']"}, private=True)
    stage.repository.add_issue("add() subtracts", "", user="octo")
    stage.openai.play(reply(say("No.")))

    result = act(stage.label(1, inputs={"sandbox-network": choice}))

    assert "answered" == result.outputs["status"]
    assert 1 == len(policies(stage))


def test_closing_fails(set_stage, act):
    """A sandbox that cannot be closed is not worked in: the model is not asked, and the issue hears why."""
    stage = set_stage({**CALCULATOR, ".github/ai-dev.yml": "setup: ['true']"}, private=True)
    stage.repository.add_issue("add() subtracts", "", user="octo")
    stage.e2b.fail("PUT", "/network$", status=403, body={"code": 403, "message": "not in this plan"}, skip=1)

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "E2B could not set what the sandbox may reach (403)" in stage.repository.issues[1].comments[-1].body
    assert [] == stage.openai.journal
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]


def test_policy_is_not_enforced(set_stage, act):
    """An E2B that does not do what it was told is noticed: the sandbox answers although it must be closed."""
    stage = set_stage()
    stage.repository.add_issue("add() subtracts", "", user="octo")
    stage.e2b.on_command("ai-dev-probe", lambda sandbox: sandbox.network.clear())

    result = act(stage.label(1, inputs={"sandbox-network": "closed"}))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    body = stage.repository.issues[1].comments[-1].body
    assert "The sandbox reaches the network though it must not." in body
    assert "Its network is to be closed, and 127.0.0.1:" in body
    assert "Check that this E2B enforces network policies" in body
    assert [] == stage.openai.journal


def test_names_without_a_name_server(stage, act):
    """Names are let through without a name server, by which text could leave; where they lead is written down."""
    used = use(stage, act, sh("cat /etc/hosts"), inputs={"sandbox-network": "localhost"})

    assert "127.0.0.1 localhost\n127.0.0.1 localhost\n" in used.answer
    assert [["localhost"]] == [policy["allowOut"] for policy in policies(stage)]
    assert [[]] == [policy["dnsServers"] for policy in policies(stage)]


def test_names_that_lead_nowhere(stage, act):
    """Where the names cannot be written down the user is told, and the run goes on."""
    stage.e2b.fail("GET", "/files$", status=404, body={"code": 404, "message": "no such file"})
    stage.openai.play(reply(say("No.")))

    result = act(stage.label(1, inputs={"sandbox-network": "localhost"}))

    assert "::warning::The names in sandbox-network may not be found in the sandbox." in result.log
    assert "answered" == result.outputs["status"]


def test_wrong_list(stage, act):
    """A list with something that is no host starts nothing."""
    result = act(stage.label(1, inputs={"sandbox-network": "open, https://packages.example"}))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "`sandbox-network` is not valid: open is no host" in result.log
    assert {} == stage.e2b.sandboxes
