"""What is hidden on a page of GitHub is not shown to the model; what a reader sees is."""

import re
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.visible import drop_invisible, find_open_fence, see

CANARY = "KXQZJ"
HIDDEN = [
    f"<!-- {CANARY} -->",
    f"<!--\n\n{CANARY}\n-->",
    f"<!-- a <!-- {CANARY} -->",
    f"<!-- --!> {CANARY} -->",
    f"<!--{CANARY}-->",
    f"[//]: # ({CANARY})",
    f'[//]: # "{CANARY}"',
    f"[a{CANARY}]: http://h",
    f"[a]: javascript:{CANARY}",
    f"[a]: <{CANARY}> 'x'",
    f"[^a]: {CANARY}",
    f"[^a]: x\n\n    {CANARY}\n{CANARY}",
    f"![{CANARY}](http://h)",
    f"![x](http://h '{CANARY}')",
    f'[x](http://h "{CANARY}")',
    f"[](http://{CANARY})",
    f"[ ](http://{CANARY})",
    f"[&#8203;](http://{CANARY})",
    f"[<b></b>](http://{CANARY})",
    f"[x](javascript:{CANARY})",
    f"[x](data:text/plain,{CANARY})",
    f"<b title='{CANARY}'>x</b>",
    f"<a href='http://{CANARY}'>x</a>",
    f"<b {CANARY}>x</b>",
    f"<img src='http://h' alt='{CANARY}'>",
    f"<img src='javascript:{CANARY}'>",
    f"<span hidden>{CANARY}</span>",
    f"<span HIDDEN='a>b'>{CANARY}</span>",
    f"<span hidden><span>a</span>{CANARY}</span>",
    f"<span style='display: none'>{CANARY}</span>",
    f"<span style=font-size:0>{CANARY}</span>",
    f"<span style='opacity:0;'>*{CANARY}* `{CANARY}`</span>",
    f"<p style='text-align: left; color: white'>{CANARY}</p>",
    f"<div hidden>\n\n{CANARY}\n\n- {CANARY}\n\n```\n{CANARY}\n```\n\n</div>",
    f"<template>{CANARY}</template>",
    f"<script>\n{CANARY}\n\n{CANARY}</script>",
    f"<style>{CANARY}</style>",
    f"<picture><source srcset='{CANARY}'></picture>",
    f"<!DOCTYPE {CANARY}>",
    f"<?{CANARY}?>",
    f"<?php > {CANARY} ?>",
    f"<![CDATA[ > {CANARY} ]]>",
    f"``` js {CANARY}\nx\n```",
    f"```mermaid\n%% {CANARY}\n```",
    f"| a |\n| - |\n| b | {CANARY} |",
]
OPEN = [
    f"<!-- {CANARY}",
    f"<!-- {CANARY} --!>",
    f'<div title="\n\n{CANARY}\n',
    f"<div hidden>\n\n{CANARY}\n",
    f"<script>{CANARY}\n",
    f"<style>\n{CANARY}\n",
]
SEEN = [
    *[
        "text",
        "two\nlines",
        "a &lt;b&gt; &amp; c",
        "*em* **strong**",
        "`code`",
        "`` a`b ``",
        "# Title",
        "Title\n===",
        "- a\n- b",
        "1. a\n2. b",
    ],
    *[
        "> quote",
        "```py\ncode < &amp;\n```",
        "    code",
        "| a | b |\n|---|---|\n| c | d |",
        "[text](http://h)",
        "<http://h?a=1&b=2>",
    ],
    *[
        "![](http://h/i.png)",
        "<b>bold</b>",
        "<details><summary>x</summary>\n\ny\n\n</details>",
        "- [x] done",
        "a | b",
        "Hello!",
        "x\\*y",
        "---",
    ],
]
MARKS = [
    *[
        "\n",
        "\n\n",
        " ",
        "    ",
        "\\",
        "`",
        "```",
        "~~~",
        "*",
        "_",
        "#",
        "# ",
        "> ",
        "- ",
        "1. ",
        "+ ",
        "|",
        "---",
        "|-|-|",
        "==",
        ":",
        "!",
        "[",
        "]",
        "(",
    ],
    *[
        ")",
        "](",
        "]:",
        "[^a]:",
        "<",
        ">",
        "</",
        "<!--",
        "-->",
        "&",
        "&lt;",
        "&amp;",
        "&#10;",
        "&#8203;",
        "&#124;",
        '"',
        "'",
        "a",
        "b 1",
        "http://h",
        "javascript:a",
    ],
    *[
        "<b>",
        "</b>",
        "<div>",
        "</div>",
        "<br>",
        "<td>",
        "<img src=a>",
        "<span hidden>",
        "</span>",
        "\u200b",
        "\ufe0f",
        "❤",
        "\t",
        "[a](b)",
        "![a](b)",
        "[a]",
        "%20",
        "é",
        "{",
    ],
]
PAGES = st.lists(st.sampled_from([*MARKS, *HIDDEN, *SEEN]) | st.text(max_size=3), max_size=14).map("".join)


@pytest.mark.parametrize("hidden", [*HIDDEN, *OPEN])
@pytest.mark.parametrize("before", ["", "text\n\n", "- item\n\n", "> quote\n\n", "word "], ids=repr)
def test_hidden_text_is_dropped_and_counted(hidden, before):
    """No way to hide text that we know of shows it to the model, and each is told."""
    if before == "word " and re.match(r"\[.*?\]:|```|\||<div title=\"\n", hidden):
        hidden = "\n\n" + hidden
    seen = see(before + hidden)

    assert CANARY.casefold() not in seen.text.casefold()
    assert seen.hidden >= len(CANARY)


@given(st.lists(st.tuples(st.sampled_from(SEEN), st.sampled_from([*HIDDEN])), min_size=1, max_size=6))
def test_hidden_text_never_stays(blocks):
    """Whatever stands around hidden text, it is gone."""
    assert CANARY.casefold() not in see("\n\n".join(f"{seen}\n\n{hidden}" for seen, hidden in blocks)).text.casefold()


@given(PAGES)
def test_what_is_seen_hides_nothing(page):
    """What the model reads hides nothing itself: seen again, all of it is visible."""
    assert 0 == see(see(page).text).hidden


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("# A *title*\n\nText with **bold**\nand `code`.", "# A *title*\n\nText with **bold**\nand `code`."),
        ("Title\n===\n\ntext", "# Title\n\ntext"),
        ("* a\n* b\n  1. c\n  2. d\n\n> e\n> f", "* a\n* b\n  1. c\n  2. d\n\n> e\n> f"),
        ("- [x] done\n- [ ] open", "- [x] done\n- [ ] open"),
        ("```py\nif a < b:  # <!-- seen -->\n    pass\n```", "```py\nif a < b:  # <!-- seen -->\n    pass\n```"),
        ("    a ``` b\n", "````\na ``` b\n````"),
        ("`<b>` and `` a`b ``", "`<b>` and ``a`b``"),
        ("a|b\n-|-\n`c\\|d`|e", "| a | b |\n| --- | --- |\n| `c\\|d` | e |"),
        ("[text](http://h/a?b=1&c=2 'x')", "[text](http://h/a?b=1&c=2)"),
        ("[one][r], [two][r]\n\n[r]: http://h", "[one](http://h), [two](http://h)"),
        ("<http://h> and http://i", "http://h and http://i"),
        ("![x](http://h/i.png)", "[image: http://h/i.png]"),
        ("<img alt='x' src='http://h/i.png'>", "[image: http://h/i.png]"),
        ("![x](data:image/png;base64,AAAA)", "[image: ]"),
        ("<details>\n<summary>More</summary>\n\n- a\n\n</details>", "More\n\n- a"),
        ("a <b>bold</b> word<br>and <kbd>Ctrl</kbd>", "a bold word\nand Ctrl"),
        ("a &lt;b&gt; &amp;lt; \\<i>", "a \\<b> \\&lt; \\<i>"),
        ("1 < 2 && 3 > 2; a_b C:\\dir [0] x!", "1 < 2 && 3 > 2; a_b C:\\dir [0] x!"),
        ("<p style='text-align: center'>Logo</p>", "Logo"),
        ("```mermaid\ngraph LR\n```", "[mermaid]"),
        ("text[^1]\n\n[^1]: note\n\nmore", "text\\[^1]\n\nmore"),
        ("- \n- b", "- \n- b"),
        ("", ""),
    ],
)
def test_what_is_seen_stays(page, text):
    """What a reader sees is there, in one form of Markdown, code as it is."""
    assert text == see(page).text


@pytest.mark.parametrize(
    "page",
    [
        *["plain text, 1 < 2", "# T\n\n- a *b*\n\n```c\nx\n```", "a\r\nb", "<b>x</b> &lt; &nbsp;", "> [!NOTE]\n> x"],
        *["❤️ 👩\u200d💻 1️⃣", "[a][b]\n\n[b]: http://h", '<img width="100" height=50% alt="Image" src="http://h" />'],
        *["<details open>\n<summary>x</summary>\n\ny\n</details>", "| a |\n|:-:|\n| b |"],
    ],
)
def test_nothing_is_told_of_ordinary_pages(page):
    """Markup, emoji, line ends and the sizes of pictures are nothing hidden."""
    assert 0 == see(page).hidden


def test_hidden_is_counted():
    """What is told is how many letters and digits are not seen, and characters that show nothing."""
    assert 3 + 2 == see("a <!-- b, c d --> \u200be\u3164").hidden


@pytest.mark.parametrize(
    ("text", "kept", "hidden"),
    [
        ("plain\n\ttext é 漢字 العربية", "plain\n\ttext é 漢字 العربية", 0),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", 0),
        ("a\u200b\u200d\u2060\ufeff\u00adb", "ab", 5),
        ("a" + "".join(chr(0xE0000 + ord(c)) for c in "run") + "b", "ab", 3),
        ("a\ufe00\U000e0100b", "ab", 2),
        ("a\u3164\u2800\u115f\uffa0b", "ab", 4),
        ("a\u202eb\u2066c\u061c", "abc", 3),
        ("a\ud800\ue000\U0010ffffb\x00\x1b\x7f", "ab", 6),
        ("❤️ 👩\u200d💻 1️⃣ 🏳️\u200d🌈", "❤ 👩💻 1⃣ 🏳🌈", 0),
        ("❤\ufe0f\ufe0f\u200d\u200d", "❤", 1),
    ],
    ids=["text", "lines", "zero width", "tags", "selectors", "blanks", "bidi", "no text", "emoji", "many joiners"],
)
def test_invisible_characters_are_dropped(text, kept, hidden):
    """What shows nothing is dropped and counted, what shows something stays; emoji stay readable."""
    assert (kept, hidden) == drop_invisible(text)


@given(st.text())
def test_dropping_twice_changes_nothing(text):
    """Nothing invisible is left."""
    assert (drop_invisible(text)[0], 0) == drop_invisible(drop_invisible(text)[0])


@pytest.mark.parametrize(
    "piece", [*MARKS, "![", "[!", "[a](", "[a]: b\n", "<a b='", "<!", "<?", "a|\n-|\n", "- a\n", "*a_"]
)
def test_time_grows_with_the_page(piece):
    """A page made to be slow is not: four times the text takes about four times as long, by no means sixteen."""

    def measure(size):
        page = piece * (size // len(piece))
        best = 9.0
        for _ in range(2):
            began = thread_time()
            see(page)
            best = min(best, thread_time() - began)
        return best

    assert measure(8_000) < 9 * measure(2_000) + 0.02


@pytest.mark.parametrize("piece", ["> ", "- ", "1. ", "- > "])
def test_depth_is_bounded(piece):
    """Quotes and lists in each other, as deep as the text is long, break nothing; too deep, they are hidden."""
    seen = see(piece * 5_000 + "deep")

    assert "deep" not in seen.text
    assert seen.hidden >= len("deep")


@pytest.mark.parametrize(
    ("text", "fence"),
    [
        *[
            ("", ""),
            ("text", ""),
            ("```", "```"),
            ("a\n~~~~ py\nb", "~~~~"),
            ("```\nx\n```", ""),
            ("````\nx\n```", "````"),
        ],
        *[("```\nx\n``` y", "```"), ("- ```\n  x", ""), ("> ```\n> x", ""), ("    ```", ""), ("`` ` ``", "")],
    ],
)
def test_open_fence_is_found(text, fence):
    """Code without an end is found, for what is written below must not be taken into it."""
    assert fence == find_open_fence(text)
