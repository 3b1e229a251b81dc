"""Markdown -> what a reader of the page sees of it: what is hidden there is not for the model either.

A CommonMark parser says what is text and what is markup, as GitHub's does, and only what it takes for text is written
anew. So this names what is kept; a list of the tricks that hide text would always lack one. In doubt text is dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import itemgetter

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from .html_text import Html, web_address

_NESTING = 40
"""How deep lists and quotes may stand in each other; a list is two levels. What is deeper is dropped."""
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U00013441\U00013442")
"""Letters and marks that show nothing."""
_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_JOINERS = "\ufe0f\u200d"
"""What joins and colours emoji: dropped too, but not told as hidden behind one."""
_ORDINARY = re.compile(r"[\n\t -~]*")
"""What most text consists of, and the log of a run may have much of."""
_PICTURES = frozenset(("geojson", "math", "mermaid", "stl", "topojson"))
"""Languages of code that GitHub shows as a picture: not all that is written in it is in the picture."""
_INTERRUPTED = ("paragraph", "reference", "blockquote", "list")
"""What a footnote ends, in the parser's words."""
_SPACED = frozenset(
    (
        *("paragraph_close", "heading_close", "table_close", "fence", "code_block", "html_block", "hr"),
        *("blockquote_close", "bullet_list_close", "ordered_list_close"),
    )
)
"""Behind these stands a blank line."""
_LANGUAGE = re.compile(r"[A-Za-z0-9+#._-]{1,20}")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:")
_LIVE = re.compile(
    r"[`|]|\[(?=\^)|~(?=~~)|<(?=[A-Za-z/!?])|&(?=#|[A-Za-z][A-Za-z0-9]{1,31};)|!(?=\[)|\](?=[(:])|\\(?=[!-/:-@\[-`{-~]|\Z)"
)
"""What would be markup where the page shows it as text."""
_RULE = re.compile(r"^[-:|\\>*+ \t0-9.)]+$", re.MULTILINE)
"""A line that could make a table of those around it."""


@dataclass(frozen=True)
class Visible:
    """Text as a reader sees it, and how much of the source he does not see."""

    text: str
    hidden: int
    """Letters and digits that are not shown, beside the names of tags; and characters that show nothing."""


def see(markdown: str) -> Visible:
    """What a reader sees of Markdown on GitHub, as Markdown that hides nothing. The caller bounds its length.

    Hidden are comments, definitions, titles, the texts that stand for images, footnotes, what an element of HTML hides,
    cells that a table has no column for, and code that is shown as a picture.
    """
    source, invisible = drop_invisible(markdown)
    page = _Page()
    page.write(_make_parser().parse(source))
    shown = _count("".join(page.shown)) - _count(page.html.added)
    unseen = _count(source) - shown - _count("".join(page.markup)) - _count(page.html.markup)
    return Visible("\n".join(page.lines).strip(), invisible + unseen.total())


def drop_invisible(text: str) -> tuple[str, int]:
    """The text without the characters that show nothing, and how many there were; line ends become newlines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    if _ORDINARY.fullmatch(text):
        return text, 0
    kept = "".join(char for char in text if not _is_invisible(char))
    joined = sum(after in _JOINERS and _is_pictorial(before) for before, after in pairwise(text))
    return kept, len(text) - len(kept) - joined


def find_open_fence(markdown: str) -> str:
    """The fence of code that is still open at the end and would take in what is written below; empty if none is."""
    last = _make_parser().disable("inline").parse(f"{markdown}\n\nbelow")[-1]
    return last.markup if last.type == "fence" else ""


def _is_invisible(char: str) -> bool:
    return char not in "\n\t" and (
        unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn")
        or char in _BLANKS
        or any(ord(char) in selectors for selectors in _SELECTORS)
    )


def _is_pictorial(char: str) -> bool:
    return unicodedata.category(char) in ("So", "Sk") or char in "#*0123456789\ufe0f"


def _count(text: str) -> Counter[str]:
    return Counter(char for char in text.casefold() if char.isalnum())


def _make_parser() -> MarkdownIt:
    """A parser that leaves every address as it is written: else it would drop some and change others."""
    parser = MarkdownIt("commonmark", {"maxNesting": _NESTING, "store_labels": True}).enable("table")
    parser.disable("text_join")  # it forgets what was written as an entity
    parser.block.ruler.before("reference", "footnote", _skip_footnote, {"alt": [*_INTERRUPTED]})
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005 - called by its name
    return parser


def _skip_footnote(state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's form
    """Pass over a footnote, which GitHub shows elsewhere or not at all: its paragraph, and what is indented below."""
    if state.is_code_block(first) or not _FOOTNOTE.match(state.src, state.bMarks[first] + state.tShift[first]):
        return False
    if silent:
        return True
    line, blank = first + 1, False
    while line < last and (state.isEmpty(line) or not blank or state.is_code_block(line)):
        blank = state.isEmpty(line)
        line += 1
    state.line = line
    return True


@dataclass
class _Page:
    """Writes what is visible of a page's blocks."""

    lines: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """All that was written, without the marks that are ours."""
    markup: list[str] = field(default_factory=list)
    """What is not shown as it is written, and nobody would call hidden."""
    html: Html = field(default_factory=Html)
    labels: set[str] = field(default_factory=set)
    """Definitions that were used."""
    marks: list[tuple[str, str]] = field(default_factory=list)
    """Of the lists and quotes around: the mark of the next line, and of those after it."""
    row: list[str] = field(default_factory=list)
    """The cells of the row of a table."""

    def write(self, blocks: list[Token]) -> None:
        """Add these blocks."""
        for before, token in pairwise([Token("", "", 0), *blocks]):
            if token.type in ("blockquote_open", "list_item_open"):
                mark = f"{token.info}{token.markup} "
                self.marks.append((mark, mark if mark == "> " else " " * len(mark)))
            elif token.type in ("blockquote_close", "list_item_close"):
                self._end_marks()
            elif token.type == "inline":
                self._put_text(before, _Line(self).read(token))
            elif token.type == "tr_open":
                self.row = []
            elif token.type == "tr_close":
                self._put(f"| {' | '.join(self.row)} |")
            elif token.type == "thead_close":
                self._put("|" + " --- |" * len(self.row))
            elif token.type == "html_block":
                lines = self.see_html(token.content).strip().split("\n")
                self._put(_escape("\n".join(line.strip() for line in lines)))
            elif token.type in ("fence", "code_block"):
                self._put_code(token)
            elif token.type == "hr":
                self._put("---")
            if token.type in _SPACED and not token.hidden:
                self._leave_blank()

    def see_html(self, source: str) -> str:
        """The text that a piece of HTML shows."""
        text, _ = drop_invisible(self.html.read(source))
        self.shown.append(text)
        return text

    def _put(self, text: str) -> None:
        """Write lines, unless there is nothing to see."""
        for line in text.split("\n") if text.strip() else []:
            self._put_line(line)

    def _put_line(self, line: str) -> None:
        self.lines.append("".join(mark for mark, _ in self.marks) + line)
        self.shown += [mark for mark, after in self.marks if mark != after]
        self.marks = [(after, after) for _, after in self.marks]

    def _end_marks(self) -> None:
        """End a quote or an item; one without text shows its mark alone."""
        mark, after = self.marks[-1]
        if mark != after and not self.html.hiding:
            self._put_line("")
        self.marks.pop()

    def _leave_blank(self) -> None:
        blank = "".join(after for _, after in self.marks).rstrip()
        if self.lines and not self.lines[-1].strip("> "):
            self.lines[-1] = blank
        elif self.lines and all(mark == after for mark, after in self.marks):
            self.lines.append(blank)

    def _put_text(self, before: Token, text: str) -> None:
        if before.type in ("th_open", "td_open"):
            self.row.append(re.sub(r"(?<!\\)\|", r"\|", text.replace("\n", " ")))
        elif before.type == "heading_open":
            self._put("#" * int(before.tag[1]) + " " + text.replace("\n", " ") if text.strip() else "")
        else:
            self._put(text)

    def _put_code(self, token: Token) -> None:
        if self.html.hiding:
            return
        code, (language, *_) = token.content.rstrip("\n"), [*_LANGUAGE.findall(token.info), ""]
        if token.info.split()[:1] != [language]:
            language = ""
        if language in _PICTURES:
            self.shown.append(language)
            self._put(f"[{language}]")
            return
        self.shown += [language, code]
        fence = "`" * max(3, 1 + _longest_run(code))
        self._put(f"{fence}{language}\n{code}\n{fence}")


@dataclass
class _Line:
    """Reads the text of a block: pieces of text, and marks between them."""

    page: _Page
    pieces: list[tuple[bool, str]] = field(default_factory=list)
    """Each with whether it is text; what is none stands as it is."""
    link: tuple[int, Token] | None = None
    """Where the link that is being read begins."""

    def read(self, block: Token) -> str:
        """The visible text, as Markdown."""
        for token in block.children or []:
            if token.type == "html_inline":
                self.pieces.append((True, self.page.see_html(token.content)))
            elif token.type in ("link_open", "link_close"):
                self._add_link(token)
            elif not self.page.html.hiding:
                self._add(token)
        text = ""
        for is_text, pieces in groupby(self.pieces, key=itemgetter(0)):
            piece = "".join(piece for _, piece in pieces)
            if text.endswith("!") and piece.startswith("["):
                text = text[:-1] + "\\!"
            text += _escape(piece) if is_text else piece
        return _RULE.sub(lambda rule: rule[0].replace("-", "\\-"), text)

    def _add(self, token: Token) -> None:
        match token.type:
            case "text" | "text_special":
                text, opened, _ = drop_invisible(token.content)[0].replace("\n", " ").partition("<!--")
                self.page.html.hiding |= bool(opened)  # a comment without an end, which some pages do not show
                self.page.shown.append(text)
                self.page.markup.append(token.markup if text else "")
                self.pieces.append((True, text))
            case "softbreak" | "hardbreak":
                self.pieces.append((True, "\n"))
            case "code_inline":
                self.page.shown.append(token.content)
                self.pieces.append((False, _quote_code(token.content)))
            case "image":
                self.pieces.append((True, f"[image: {self._show_address(token, 'src')}]"))
            case _:  # emphasis
                self.pieces.append((False, token.markup))

    def _add_link(self, token: Token) -> None:
        """Write a link when it closes, if there is something to see in it; else its address is hidden too."""
        if token.type == "link_open":
            self.link = len(self.pieces), token
            self.pieces.append((False, ""))
            return
        if self.link is None or token.info == "auto":
            return
        (begin, opening), self.link = self.link, None
        if any(text.strip() for is_text, text in self.pieces[begin:] if is_text or text.startswith("`")):
            address = self._show_address(opening, "href")
            if address:
                self.pieces[begin] = (False, "[")
                self.pieces.append((False, f"]({address})"))

    def _show_address(self, token: Token, name: str) -> str:
        """The address of a link or an image; that of a definition is written once, however often it is used."""
        label, address = token.meta.get("label"), str(token.attrs.get(name) or "")
        if label not in self.page.labels:
            self.page.shown.append(address if web_address(address) else "")
        if label is not None:
            self.page.labels.add(label)
            self.page.markup.append(label * 2)
        return web_address(address)


def _escape(text: str) -> str:
    """Text of the page as Markdown that shows just this."""
    return _LIVE.sub(r"\\\g<0>", text)


def _quote_code(code: str) -> str:
    """A span of code."""
    ticks = "`" * (1 + _longest_run(code))
    pad = " " if code[:1] in "` " or code[-1:] in "` " else ""
    return ticks + pad + code + pad + ticks


def _longest_run(code: str) -> int:
    """The length of the longest run of backticks in it."""
    return max(map(len, re.findall("`+", code)), default=0)
