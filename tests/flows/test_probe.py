"""The probe: a sandbox that holds what the model must not have is not worked in."""

import base64

import pytest

from standins.openai import reply, say
from standins.stage import E2B_KEY, OPENAI_KEY, TOKEN
from tests.projects import CALCULATOR

SHIFTED = base64.b64encode(b"user:" + OPENAI_KEY.encode()).decode()


def variable(value):
    """A variable of the template's."""
    return lambda sandbox: sandbox.envs.update(OF_THE_TEMPLATE=value)


def home(name, text):
    """A file in the home of the template's user."""

    def write(sandbox):
        (sandbox.home / name).parent.mkdir(parents=True, exist_ok=True)
        (sandbox.home / name).write_text(text)

    return write


HELD = {
    "token": (variable(TOKEN), "Its environment has the input `github-token`"),
    "key in base64": (variable(SHIFTED), "Its environment has the input `openai-api-key`"),
    "key in hex": (variable(E2B_KEY.encode().hex()), "Its environment has the input `e2b-api-key`"),
    "key reversed": (variable(OPENAI_KEY[::-1]), "Its environment has the input `openai-api-key`"),
    "somebody's key": (variable("AKIA" + "ABCDEFGH" * 2), "Its environment has what looks like a key"),
    "helper": (home(".gitconfig", "[credential]\nhelper = store\n"), "Its git configuration has `credential.helper`."),
    "header": (
        home(".gitconfig", '[http "https://x.example"]\nextraheader = AUTHORIZATION: basic eA==\n'),
        "Its git configuration has `http.https://x.example.extraheader`.",
    ),
    "password": (
        home(".gitconfig", '[url "https://me:pw@x.example/"]\ninsteadOf = https://x.example/\n'),
        "Its git configuration has `url.https://me:pw@x.example/.insteadof`.",
    ),
    "remote": (
        home(".gitconfig", '[remote "origin"]\nurl = https://x.example/\n'),
        "Its git configuration has `remote.origin.url`.",
    ),
    "stored passwords": (home(".git-credentials", "x"), "It has the file /home/user/.git-credentials."),
    "gh": (home(".config/gh/hosts.yml", "x"), "It has the file /home/user/.config/gh/hosts.yml."),
    "noise": (variable("x" * 60_000 + "\n" + "y" * 60_000), None),
}


@pytest.mark.parametrize(("hold", "said"), HELD.values(), ids=HELD)
def test_held(stage, act, hold, said):
    """What a template holds that the model must not have ends the run, with what it is and what to do; never its value."""
    stage.e2b.on_command("ai-dev-probe", hold)
    stage.openai.play(reply(say("No.")))

    result = act(stage.label(1))

    if said is None:
        assert "answered" == result.outputs["status"]
        return
    body = stage.repository.issues[1].comments[-1].body
    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "**AI Dev failed.** The sandbox holds what the model must not have." in body
    assert said in body.replace("\u200b", "")
    assert "**What to do:** Take it out of the sandbox template" in body
    assert [] == stage.openai.journal
    for secret in (TOKEN, OPENAI_KEY, E2B_KEY, SHIFTED, OPENAI_KEY[::-1]):
        assert secret not in body + result.summary


def test_processes_are_looked_into(set_stage, act):
    """A process that a set-up command left behind is no place for a key either."""
    stage = set_stage({**CALCULATOR, ".github/ai-dev.yml": "setup: ['sh /home/user/start']"})
    stage.repository.add_issue("add() subtracts", "", user="octo")
    start = f"KEY={OPENAI_KEY} setsid sleep 60 >/dev/null 2>&1 </dev/null &"
    stage.e2b.on_command("setsid timeout", home("start", start))

    result = act(stage.label(1))

    assert "failed" == result.outputs["status"]
    assert "Its environment has the input `openai-api-key`" in stage.repository.issues[1].comments[-1].body


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        ("exit 0", "whole"),
        ("yes", "prints without end"),
        (
            "export X=$(head -c 100000 /dev/zero | tr '\\0' x) Y=$(head -c 100000 /dev/zero | tr '\\0' y) Z=$(head -c 100000 /dev/zero | tr '\\0' z)",
            "more environment than can be looked through",
        ),
    ],
    ids=["silent", "endless", "huge"],
)
def test_no_answer(stage, act, profile, why):
    """A sandbox that cannot be looked at is not worked in."""
    stage.e2b.on_command("ai-dev-probe", home(".bash_profile", profile + "\n"))

    result = act(stage.label(1))

    assert "failed" == result.outputs["status"]
    assert "The sandbox could not be looked at before the work." in stage.repository.issues[1].comments[-1].body
    assert why in stage.repository.issues[1].comments[-1].body
    assert [] == stage.openai.journal


def test_nothing_secret_is_sent_in(stage, act):
    """The runner searches the answer: no secret, in whatever form, is in what goes to the sandbox."""
    stage.openai.play(reply(say("No.")))

    act(stage.label(1))

    (probe,) = [sent for sent in stage.e2b.requests("POST", "/process.Process/Start") if b"ai-dev-probe" in sent.body]
    for secret in (TOKEN, OPENAI_KEY, E2B_KEY):
        for form in (secret, secret[::-1], secret.encode().hex(), base64.b64encode(secret.encode()).decode()):
            assert form[8:24].encode() not in probe.body
