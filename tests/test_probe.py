"""The probe's answer is hostile bytes: it is read whole or not at all, in little time, and says no value."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.errors import AiDevError
from ai_dev.network import Network
from ai_dev.probe import Boundary, Probe, Target

KEY = "sk-canary-" + "k3y" * 10
NONCE = "n0nce"
TARGETS = (Target("github.example", 80), Target("192.0.2.7", 8443))
PARTS = ("environment", "processes", "configuration", "remotes", "files", "connections", "end")


class Sandbox:
    """Stands for a workspace that answers so."""

    def __init__(self, answer):
        self.answer = answer

    def inspect(self, script, timeout):
        assert timeout <= 20
        return self.answer(script.partition("printf '\\n%s %s\\n' ")[2].split()[0])


def write(nonce=NONCE, **parts):
    """An answer with these parts."""
    shown = {"environment": "A=b\n", "connections": "1\n0\n"} | parts
    return "login noise" + "".join(f"\n{nonce} {name}\n{shown.get(name, '')}" for name in PARTS)


def take(answer=write, network="open", secrets=None, **parts):
    """What the probe says of an answer."""
    boundary = Boundary(secrets or {"openai-api-key": KEY}, Network.of(network, private=False), TARGETS)
    return Probe.take(Sandbox(lambda nonce: answer(nonce, **parts)), boundary).check(boundary)


def test_sentence():
    """What was found is one sentence, with how many connections were answered."""
    assert (
        "The sandbox holds none of the workflow's secrets, no credential of git's and no remote; "
        "network: open, 1 of 2 connections answered." == take()
    )


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: "",
        lambda nonce: write(nonce).replace(f"{nonce} remotes", "remotes"),
        lambda nonce: write(nonce)[:-10],
        lambda nonce: write(nonce) + write(nonce),
        lambda nonce: write(nonce, environment=f"\n{nonce} environment\n"),
        lambda nonce: write(nonce, connections="1\n"),
        lambda nonce: write(nonce, connections=""),
        lambda nonce: write(nonce, processes="x" * (256 << 10)),
    ],
)
def test_not_whole(answer):
    """An answer that lacks a part, has one twice or is cut is no answer."""
    with pytest.raises(AiDevError, match="could not be looked at"):
        take(answer)


def test_network():
    """A connection that is answered ends the run, unless the network lets it through; the text says which one."""
    assert "network: only github.example, 1 of 2" in take(network="github.example")
    assert "network: closed, 0 of 2" in take(network="closed", connections="0\n0\n")
    with pytest.raises(AiDevError, match=r"to be closed, and github\.example:80 answered"):
        take(network="closed")
    with pytest.raises(AiDevError, match=r"to be only github\.example, and 192\.0\.2\.7:8443 answered"):
        take(network="github.example", connections="1\n1\n")


@pytest.mark.parametrize("place", ["environment", "processes", "configuration", "remotes"])
def test_secret(place):
    """A secret is found wherever it is; the text names its input, and no part of its value."""
    with pytest.raises(AiDevError) as raised:
        take(**{place: f"x\t{KEY}\n"})

    assert "has the input `openai-api-key`" in str(raised.value)
    assert "k3y" not in str(raised.value)
    assert "canary" not in repr(Boundary({"openai-api-key": KEY}, Network(open=True), TARGETS))


def test_everything_at_once():
    """All that may not be there is told at once, at most twenty things of one kind."""
    with pytest.raises(AiDevError) as raised:
        take(
            environment=f"K={KEY}\n",
            configuration="credential.helper\tstore\nremote.origin.url\thttps://x.example\ncredential.helper\t\n",
            files="/home/user/.netrc\n",
        )

    assert 5 == len(raised.value.why.split("\n"))  # a known key is told as the input and as what looks like one


@given(st.text(max_size=300), st.text(st.sampled_from(f"\n {NONCE}environmtfilsco01"), max_size=300))
def test_any_answer(noise, text):
    """Whatever the sandbox answers is a sentence or an error for people."""
    for answer in (noise, text, write(NONCE, environment=noise, configuration=text, connections="1\n1\n")):
        try:
            assert take(lambda nonce, answer=answer: answer.replace(NONCE, nonce)).startswith("The sandbox holds none")
        except AiDevError as e:
            assert e.cure


@pytest.mark.parametrize(
    "piece", ["eyJ", "://a:", "://:", "credential.", "http.a", "AKIA", "sk-", "%41", "remote.", "\t", "\n", "ghp_a"]
)
def test_time(piece):
    """The largest answer of any piece is looked through in little time."""
    text = (piece * (256 << 10))[: (256 << 10) - 1]
    began = time.process_time()
    try:
        take(environment=text, processes=text, configuration=text, remotes="", secrets={"a": KEY, "b": KEY[::-1]})
    except AiDevError as e:
        assert "could not be looked at" not in e.what
    assert time.process_time() - began < 5


def test_targets():
    """A place is a server's port, or that of plain HTTP."""
    assert ["github.com:80", "ghes.example:8443", "::1:3000", "x.example:80"] == [
        str(Target.of(url))
        for url in ("https://github.com", "https://ghes.example:8443/a", "http://[::1]:3000", "https://x.example:99999")
    ]
