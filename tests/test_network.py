"""What the input sandbox-network means, in words and in what it lets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.network import Network, read_choice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "auto"),
        ("AUTO", "auto"),
        ("closed", "closed"),
        ("Packages.Example\n files.example,packages.example", "packages.example, files.example"),
        ("192.0.2.7, 198.51.100.0/24", "192.0.2.7, 198.51.100.0/24"),
        ("localhost", "localhost"),
    ],
)
def test_choices(text, expected):
    """A policy's name, or hosts: in small letters, each once."""
    assert expected == read_choice(text)


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "open, packages.example",
        "internet",
        "*.example.org",
        "https://example.org",
        "example.org:443",
        "example.org/path",
        "-a.example.org",
        "a-.example.org",
        "a..example.org",
        "a_b.example.org",
        "ex\u0430mple.org",
        "0.0.0.0/0",
        "0.0.0.0/1",
        "192.0.2.0/33",
        "192.0.2.1/24",
        "999.0.0.1",
        "1.2.3",
        "::1",
        "2001:db8::/32",
        "$(id)",
        ",".join(f"a{n}.example" for n in range(51)),
        "x" * 10_001,
        "x" * 64 + ".org",
    ],
)
def test_no_choice(text):
    """What is no host is told; nothing of it is guessed."""
    with pytest.raises(ValueError, match="give"):
        read_choice(text)


@given(st.text(max_size=200))
def test_any_text(text):
    """Whatever the text is, it is a choice that stays the same when it is read again, or a fault."""
    try:
        choice = read_choice(text)
    except ValueError:
        return
    assert choice == read_choice(choice)


def test_auto():
    """By itself the sandbox of a public repository is open, that of a private one for its set-up alone."""
    public, private = (Network.of("auto", private=private) for private in (False, True))

    assert (True, True, "open") == (public.open, public.open_for_set_up, str(public))
    assert (False, True, "closed") == (private.open, private.open_for_set_up, str(private))


@pytest.mark.parametrize("private", [True, False])
def test_chosen(private):
    """What the workflow chooses holds for every repository, and for the set-up as well."""
    closed, listed, everything = (Network.of(c, private=private) for c in ("closed", "a.example, 192.0.2.0/24", "open"))

    assert (False, False) == (closed.open, closed.open_for_set_up)
    assert (False, False, ("a.example",)) == (listed.open, listed.open_for_set_up, listed.names)
    assert (True, True) == (everything.open, everything.open_for_set_up)


def test_allows():
    """A list lets its names and the addresses of its blocks through, and nothing else."""
    network = Network.of("a.example, 192.0.2.0/24, 198.51.100.7", private=False)

    assert [True, True, True, False, False, False] == [
        network.allows(host)
        for host in ("a.example", "192.0.2.200", "198.51.100.7", "b.a.example", "198.51.100.8", "192.0.3.1")
    ]
