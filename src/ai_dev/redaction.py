"""Text -> text that may leave: secrets hidden, log lines made inert, published text neutralised, long text cut."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from .leaks import Leaks
from .visible import drop_invisible, find_open_fence

HIDDEN = "***"
_SHORTEST_SECRET = 6
_TOKENS = re.compile(
    r"gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{40,255}|\bsk-[A-Za-z0-9_-]{20,255}|e2b_[a-f0-9]{32,64}"
    r"|eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}|AKIA[A-Z0-9]{16}|xox[abprs]-[\w-]{10,255}"
)
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,1000}(?:\x07|\x1b\\)|[@-Z\\-_])")
_LINE_LENGTH = 2000


@dataclass(frozen=True)
class Redactor:
    """Hides the run's secrets: by exact value first, by the shapes of known credentials second, disguised ones last."""

    secrets: tuple[str, ...] = ()
    leaks: Leaks = field(default=Leaks(()), repr=False)

    @classmethod
    def of(cls, values: Iterable[str]) -> Redactor:
        """A redactor of these values, longest first so that none hides a part of another."""
        secrets = sorted({v for v in values if len(v) >= _SHORTEST_SECRET}, key=len, reverse=True)
        return cls(tuple(secrets), Leaks.of(secrets))

    def clean(self, text: str) -> str:
        """Foreign text that may be shown: without what is invisible, for it may split a secret, and without secrets."""
        return self.hide(drop_invisible(plain(text))[0])

    def hide(self, text: str) -> str:
        """The text without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return self._hide_disguised(_TOKENS.sub(HIDDEN, text))

    def _hide_disguised(self, text: str) -> str:
        """The text without the lines that hold a secret in disguise; nothing of it where one goes over lines."""
        if not self.leaks.found_in(text):
            return text
        text = "\n".join(HIDDEN if self.leaks.found_in(line) else line for line in text.split("\n"))
        return HIDDEN if self.leaks.found_in(text) else text


def plain(text: str) -> str:
    """The text without terminal escapes and control characters; line ends become newlines."""
    text = _TERMINAL.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))


def log_lines(text: str) -> list[str]:
    """Untrusted text as lines that the runner takes for no command.

    The runner reads ``::command::`` at the start of a line and ``##[command]`` anywhere in one.
    """
    return ["│ " + line[:_LINE_LENGTH].replace("##[", "# #[") for line in plain(text).split("\n")]


def one_line(text: str, limit: int) -> str:
    """The text on one line, white space folded, cut at ``limit`` characters with an ellipsis."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def cut_middle(text: str, limit: int, where: str = "") -> str:
    """Keep about ``limit`` bytes of UTF-8, half from the start and half from the end, and say what is missing.

    ``where`` says where the whole can be read.
    """
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    head = data[: limit // 2].decode("utf-8", "ignore")
    tail = data[len(data) - limit // 2 :].decode("utf-8", "ignore")
    return head + left_out(len(data) - limit, where) + tail


def left_out(size: int, where: str = "") -> str:
    """The line that stands for ``size`` bytes left out of the middle."""
    return f"\n\n[… {size:,} bytes left out{'; ' + where if where else ''} …]\n\n"


_BREAK = "\u200b"
"""A zero-width space: what it takes apart reads the same, and neither GitHub nor a bot acts on it."""
_LIVE = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        r"&(?=#|(?!(?:amp|gt|lt|nbsp|quot);)[a-z][a-z0-9]{1,31};)",  # an entity: to GitHub &#64; is an @
        r"(?<![a-z0-9])@(?=\w)",  # a mention
        r"(?<=[a-z0-9])@(?=[0-9a-f]{7})",  # a commit, as in owner/name@sha
        r"#(?=\d)|(?<![a-z0-9])GH(?=\\?-\d)",  # an issue; a backslash is gone when GitHub looks for one
        r"(?<=/)(?:issues|pulls?|commit|discussions)(?=\\?/)",  # the address of one of these
        r"<(?=[a-z/!?])",  # HTML, and an address in angle brackets
        r"!(?=\[)",  # an image
        r"\](?=\([\s<]*+(?:[/\\]{2}|[^\s()<>:/\\&#?]*+[:&\\]))",  # a link that may lead to another server
        r"^[ \t>*+\-0-9.)]*+(?=\[(?![ x]\][ \t]))",  # the definition of a link; a box to tick is none
        r":(?=\\?/\\?/)|(?<![a-z0-9])(?:www(?=\\?\.)|(?:mailto|xmpp)(?=\\?:))",  # an address that is linked
        r"(?<=```|~~~)[^\S\n]*+(?=mermaid|math|geojson|topojson|stl|suggestion)",  # code that is more than code
        r"\\(?=href|url)",  # a link in a formula
        r"^[^\S\n]*+(?=/[a-z])",  # a command to a bot
        r"^[^\S\n]*+[a-z]++(?:-[a-z]++)*?-by(?=[^\S\n]*+:)",  # a trailer: a squash puts the text into the commit
    )
)
"""What is live in Markdown: it is broken behind the part that matches."""
_SERVICES = "ci|cd|actions|azp|azurepipelines|appveyor|circleci|netlify|travis|vercel|woodpecker"
_SKIP_CI = re.compile(
    rf"\[(?:(?:skip|no)[ _-](?:{_SERVICES})|(?:{_SERVICES})[ _-]skip)\]|\*\*\*NO_CI\*\*\*"
    r"|^[^\S\n]*skip-checks[^\S\n]*:.*$",
    re.IGNORECASE | re.MULTILINE,
)
_FORGED = re.compile(r"^[^\S\n]*(?:[A-Z][A-Za-z]*(?:-[A-Za-z]+)+|(?i:[a-z]+(?:-[a-z]+)*-by))[^\S\n]*:.*$", re.MULTILINE)


def inert(text: str) -> str:
    """The model's Markdown with nothing live in it, which else reads the same.

    Live are mentions, references and with them closing keywords, links to other servers, images, HTML, commands to
    bots, CI switches, trailers; and characters that show nothing.
    """
    text = _SKIP_CI.sub(
        "…", drop_invisible(plain(text))[0]
    )  # by something, or what is around it could close to another
    for live in _LIVE:
        text = live.sub(rf"\g<0>{_BREAK}", text)
    return text


def body(text: str, limit: int) -> str:
    """The model's text for a comment or a pull request: nothing live in it, also where its middle is cut out.

    Code in it has an end, so that it takes in nothing of what is written below.
    """
    text = inert(cut_middle(inert(text).strip(), limit))
    fence = find_open_fence(text)
    return f"{text}\n{fence}" if fence else text


def title(text: str, limit: int = 200) -> str:
    """The model's title: one line, nothing live in it, of a length that GitHub takes."""
    return inert(one_line(text, limit))[:256].strip()


def commit_message(text: str, limit: int = 10_000) -> str:
    """The model's commit message: subject cut to one line, trailers and CI switches taken out, references inert."""
    subject, _, rest = drop_invisible(plain(text[:limit]))[0].strip().partition("\n")
    rest = inert(_FORGED.sub("", rest)).strip()
    return inert(title(subject) + (f"\n\n{rest}" if rest else ""))  # once more: the two may make a link together
