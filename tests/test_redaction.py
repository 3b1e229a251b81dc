"""Text that leaves: secrets hidden, nothing in it that anybody or anything acts on."""

import re
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ai_dev.redaction import (
    HIDDEN,
    Redactor,
    body,
    commit_message,
    cut_middle,
    inert,
    log_lines,
    one_line,
    plain,
    title,
)
from ai_dev.visible import find_open_fence

KEY = "sk-proj-0123456789abcdefABCDEF"
LIVELY = st.lists(
    st.sampled_from(
        [
            *[
                "::",
                "##[",
                "]",
                "add-mask",
                "\r",
                "\n",
                "\r\n",
                " ",
                "\t",
                "\u200b",
                "\x1b[2K",
                "\x1b]0;",
                "\x07",
                "\ufeff",
            ],
            *[
                "@octo",
                "`",
                "_",
                "é",
                "#1",
                "octo/demo",
                "GH-",
                "1",
                "Fixes",
                "&#64;",
                "&num;",
                "<img>",
                "<!--",
                "![x](y)",
            ],
            *[
                "/close",
                "[skip ci]",
                "[skip ",
                "ci]",
                "skip-checks: true",
                "Co-authored-by: a",
                "https://h/o/r/issues/1",
            ],
            *[
                "http:",
                "//",
                "\\",
                "www.",
                "mailto:",
                "[a](",
                "[a]: ",
                "](",
                "[x]",
                "> ",
                "- ",
                "&colon;",
                "```",
                "mermaid",
                "***NO_CI***",
            ],
            *["│ ", "\u2028", "\x85", "\v", "\f", "\x1c", "\ud800", "a", "\u00ad", "\ufe0f"],
        ],
    )
    | st.text(max_size=5),
    max_size=12,
).map("".join)


def run_commands(text):
    """The lines of a log that the runner would take for commands.

    It splits at CR, LF and CRLF; ``::name`` counts behind white space at the start, ``##[name]`` anywhere.
    """
    lines = re.split(r"\r\n|\r|\n", text)
    return [line for line in lines if re.match(r"\s*::.*?::", line) or re.search(r"##\[[^\]]*\]", line)]


def find_live(text):
    """What GitHub would act on in Markdown: it decodes entities first, and a word is ASCII to it."""
    return [
        name
        for name, pattern in {
            "mention": r"(?<![A-Za-z0-9])@\w",
            "reference": r"#\d|(?<![A-Za-z0-9])[Gg][Hh]\\?-\d",
            "link to an issue": r"(?i)/(issues|pulls?|commit|discussions)\\?/",
            "address": r":\\?/\\?/|(?i:(?<![a-z0-9])(www\\?\.|(mailto|xmpp):))",
            "link": r"\]\(\s*<?([^\s()<>:/\\&#?]*:|[/\\]{2})",
            "definition": r"(?m)^[ >*+-]*\[(?![ x]\] )[^\]]*\]:",
            "entity": r"&#|&(commat|num|colon|sol|excl);",
            "picture": r"```\s*(mermaid|math)",
            "trailer": r"(?im)^\s*([a-z]+-)+by\s*:",
            "invisible": r"[\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\u3164\ufeff]",
            "HTML": r"<[a-zA-Z/!?]",
            "image": r"!\[",
            "slash command": r"(?m)^[^\S\n]*/[a-zA-Z]",
            "CI switch": r"(?im)\[(skip ci|ci skip|no ci|skip actions|actions skip|azp skip)\]|\*\*\*NO_CI\*|^\s*skip-checks:",
        }.items()
        if re.search(pattern, text)
    ]


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (["secret-value"], "a secret-value, secret-value.", f"a {HIDDEN}, {HIDDEN}."),
        (["abcdef", "abcdefghij"], "abcdefghij abcdef", f"{HIDDEN} {HIDDEN}"),
        (["one-secret", "two-secret"], "one-secrettwo-secret", HIDDEN * 2),
        (["line 1\nline 2"], "x line 1\nline 2 x", f"x {HIDDEN} x"),
        (["on", ""], "on and on", "on and on"),
        (["a.c+[x"], "abc+[x a.c+[x", f"abc+[x {HIDDEN}"),
    ],
    ids=["everywhere", "one in another", "side by side", "of two lines", "too short to be one", "no pattern"],
)
def test_secrets_are_hidden(secrets, text, shown):
    """Every secret is hidden wherever it stands, and a word that is too short to be one is left alone."""
    assert shown == Redactor.of(secrets).hide(text)


@pytest.mark.parametrize(
    "credential",
    [
        "ghp_" + "a1B2" * 9,
        "ghs_" + "a1B2" * 60,
        "github_pat_" + "a1B2_" * 16,
        KEY,
        "e2b_" + "0af3" * 10,
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl",
        "AKIA" + "A1B2" * 4,
        "xoxb-1234567890-abc",
    ],
)
def test_credential_shapes_are_hidden(credential):
    """What looks like a known credential is hidden though nobody told it."""
    assert f"key={HIDDEN};" == Redactor.of([]).hide(f"key={credential};")


@pytest.mark.parametrize(
    "text", ["task-runner-for-the-whole-project", "risk-assessment-of-everything", "sk-1", "eyJ.eyJ"]
)
def test_words_are_no_credentials(text):
    """Ordinary words that hold the beginning of a credential stay."""
    assert text == Redactor.of([]).hide(text)


@given(st.text(max_size=30), st.text(max_size=30))
def test_secret_never_stays(before, after):
    """Whatever stands around a secret, it is gone."""
    assert KEY not in Redactor.of([KEY]).hide(before + KEY + after)


@given(LIVELY)
def test_log_lines_are_no_commands(text):
    """No text of anybody becomes a command to the runner, and no line of it stands without its mark."""
    lines = log_lines(text)

    assert [] == run_commands("\n".join(lines))
    assert all(line.startswith("│ ") for line in lines)


@pytest.mark.parametrize(
    "text",
    ["::add-mask::a", "  ::add-path::/x", "a\r::set-output name=a::b", "x ##[set-output name=a]b", "a\r##[add-mask]b"],
)
def test_attacks_are_commands_before(text):
    """The rules that the test above goes by know a command when they see one."""
    assert run_commands(text)


def test_terminal_escapes_are_removed():
    """Colours, titles and cursor movements leave nothing behind; a carriage return ends a line."""
    assert ["│ red", "│ done"] == log_lines("\x1b[1;31mred\x1b[0m\x1b]0;title\x07\r\n\x08done")
    assert "ab" == plain("a\x1b[?25l\x1b[2Kb")


@given(LIVELY)
def test_inert_is_inert(text):
    """Nothing in published text is live, and doing it twice changes nothing."""
    once = inert(text)

    assert [] == find_live(once)
    assert once == inert(once)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks @octo",
        "`@octo",
        "_@octo_",
        "é@octo",
        "&#64;octo",
        "&#x40;octo",
        "&commat;octo",
        "Fixes #1",
        "Fixes octo/demo#1",
        "_GH-1_",
        "Fixes &num;1",
        "https://github.com/octo/demo/issues/1",
        "<img src=x>",
        "<!-- hidden",
        "![x](https://x)",
        "text\n  /close",
        "[skip [skip [skip ci]ci]ci]",
        "[skip\u200b ci]",
        "[azp skip]",
        "***NO_CI***",
        "\\@octo",
        "GH\\-1",
        "https://github.com/octo/demo/Issues/1",
        "/octo/demo/discussions/1",
        "https://evil.example",
        "HTTPS://evil.example",
        "http:\\//evil.example",
        "ftp://evil.example",
        "www.evil.example",
        "mailto:a@evil.example",
        "http&colon;//evil.example",
        "[x](https://evil.example)",
        "[x](http:evil.example)",
        "[x](//evil.example)",
        "[x](/\\evil.example)",
        "[x](\n <javascript:alert(1)>)",
        "text\n\n> - [a]: evil:x",
        "- [x]: evil:x",
        "```mermaid\nclick A b",
        "end\nCo-authored-by: A <a@b>",
        "a\u202eb",
        "a\u3164b",
    ],
)
def test_every_live_form_is_broken(text):
    """Each way to mention, refer, close, embed or command that we know of is broken, and reads the same."""
    assert find_live(text) or find_live(plain(text))
    assert [] == find_live(inert(text))


@pytest.mark.parametrize(
    "text",
    [
        "me@example.com",
        "a / b",
        "# Title",
        "1 < 2",
        "a && b",
        "- item\n\n    code()",
        "a[0]: int",
        "f[0](x)",
        "see [guide](docs/guide.md)",
        "- [ ] open",
        "a&amp;b",
    ],
)
def test_ordinary_text_stays(text):
    """Text that is not live is published byte for byte."""
    assert text == inert(text)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("Make it\nadd", "Make it add"),
        ("  a \t b  ", "a b"),
        ("Fix [skip\nci] it", "Fix … it"),
        ("x" * 300, "x" * 199 + "…"),
        ("", ""),
    ],
    ids=["one line", "white space folded", "CI switch over two lines", "long", "empty"],
)
def test_title(given_text, shown):
    """A title is one short line."""
    assert shown == title(given_text)


@given(LIVELY | st.just("#1" * 200))
def test_title_is_inert(text):
    """A title has nothing live in it, no line end, and a length that GitHub takes."""
    assert [] == find_live(title(text))
    assert "\n" not in title(text)
    assert 256 >= len(title(text))


@pytest.mark.parametrize(
    ("message", "cleaned"),
    [
        ("Add\n\nIt subtracted.", "Add\n\nIt subtracted."),
        ("Add\nIt subtracted.", "Add\n\nIt subtracted."),
        ("Add\n\nWhy.\n\nCo-authored-by: A <a@b>\nSigned-off-by: B", "Add\n\nWhy."),
        ("Add\n\nco-authored-by : A\nREVIEWED-BY: B\n  Helped-by: C\nWhy.", "Add\n\nWhy."),
        ("Add\n\nAI-Dev-Run: https://x", "Add"),
        ("Add\n\nThe mode: read-only\nNote: see above.", "Add\n\nThe mode: read-only\nNote: see above."),
        ("Add [skip  ci]", "Add …"),
        ("Add\n\nskip-checks: true", "Add\n\n…"),
        ("Fixes #1\n\nCloses #2", "Fixes #\u200b1\n\nCloses #\u200b2"),
    ],
    ids=[
        "ordinary",
        "no blank line",
        "trailers",
        "disguised trailers",
        "our trailer",
        "prose",
        "switch",
        "checks",
        "refs",
    ],
)
def test_commit_message(message, cleaned):
    """A commit message keeps what it says, and forges no trailer, no CI switch and no reference."""
    assert cleaned == commit_message(message)


@given(LIVELY)
def test_commit_message_is_inert(text):
    """No commit message closes an issue, mentions anybody or switches CI off, subject or body."""
    assert [] == [found for found in find_live(commit_message(text)) if found != "slash command"]
    assert not re.search(r"(?im)^\s*[a-z-]+-by\s*:", commit_message("x\n\n" + text).partition("\n")[2])


@given(st.text(), st.integers(0, 60))
def test_cut_middle_keeps_start_and_end(text, limit):
    """A text that is too long keeps its start and its end, whole characters, within the limit and a line of ours."""
    cut = cut_middle(text, limit, "all of it is in /x")
    size = len(text.encode("utf-8", "replace"))

    if size <= limit:
        assert text == cut
    else:
        head, notice, tail = cut.partition(f"\n\n[… {size - limit:,} bytes left out; all of it is in /x …]\n\n")
        assert notice
        assert text.startswith(head)
        assert text.endswith(tail)
        assert limit >= len((head + tail).encode())


@given(st.text(), st.integers(1, 50))
def test_one_line(text, limit):
    """A line is one line of at most so many characters."""
    assert limit >= len(one_line(text, limit))
    assert 1 >= len(one_line(text, limit).splitlines())


@pytest.mark.parametrize(
    "piece",
    [
        *[
            "\n",
            " ",
            "@",
            "#",
            "<",
            "&#",
            "[skip ",
            "\x1b[0",
            "\x1b]",
            "\x1b[" + ";" * 9,
            "A-",
            "a-by",
            "/",
            "eyJ.",
            "eyJaaaa",
        ],
        *[
            "sk-",
            "ghp_",
            "!",
            "`",
            "\u200b",
            "skip-checks",
            "GH-",
            "Aa-a",
            "](",
            "](a",
            "[a]:",
            ":/",
            "``` ",
            "```\n",
            "1.",
            "&a",
            "&" + "a" * 40,
            "a-b",
            "-a-by ",
        ],
    ],
)
def test_time_grows_with_the_text(piece):
    """Text made to be slow is not: eight times the text takes about eight times as long, by no means sixty-four."""

    def measure(size):
        text = piece * (size // len(piece))
        best = 9.0
        for _ in range(2):
            began = thread_time()
            for clean in (
                plain,
                inert,
                lambda t: body(t, len(t)),
                log_lines,
                Redactor.of([KEY]).hide,
                lambda t: commit_message(t, len(t)),
            ):
                clean(text)
            best = min(best, thread_time() - began)
        return best

    assert measure(64_000) < 24 * measure(8_000) + 0.02


@given(LIVELY, st.integers(0, 40))
def test_body_is_inert(text, limit):
    """Text that is cut has nothing live in it, wherever the cut is, and no code that goes on below it."""
    shown = body(text, limit)

    assert [] == find_live(shown)
    assert "" == find_open_fence(shown)


def test_cut_makes_nothing_live():
    """What was broken stays so when the cut falls where it was broken."""
    text = "x" * 40 + "\n/close\n" + "y" * 40

    assert all([] == find_live(body(text, limit)) for limit in range(len(text) + 4))


@pytest.mark.parametrize("between", ["\u200b", "\u2060", "\ufe0f", "\u3164", "\u034f", "\U000e0061", "\x00", "\x1b[0m"])
def test_split_secret_is_hidden(between):
    """A secret that something invisible takes apart is hidden: the text that is published would put it together."""
    assert HIDDEN == Redactor.of([KEY]).clean(between.join(KEY))


@given(LIVELY)
def test_rendered_page_leads_nowhere_else(text):
    """A Markdown parser finds no HTML, no image and no link to another server in what is published."""
    parser = MarkdownIt("commonmark").enable("table")
    parser.validateLink = lambda _: True
    tokens = [child for token in parser.parse(inert(text)) for child in [token, *(token.children or [])]]
    links = [token.attrs["href"] for token in tokens if token.type == "link_open"]

    assert not {"html_block", "html_inline", "image"} & {token.type for token in tokens}
    assert [] == [link for link in links if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\]{2}", link)]


@pytest.mark.parametrize(
    "disguised", [KEY[::-1], KEY.encode().hex(), "-".join(KEY), KEY[: len(KEY) // 2] + "\n" + KEY[len(KEY) // 2 :]]
)
def test_secret_in_disguise_is_hidden(disguised):
    """A secret that is reversed, in hex or in pieces takes its line with it, and all lines that it is spread over."""
    shown = Redactor.of([KEY]).hide(f"first\n{disguised}\nlast")

    assert shown in (f"first\n{HIDDEN}\nlast", HIDDEN)
