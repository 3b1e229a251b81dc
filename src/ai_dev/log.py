"""Events -> the log of the run: one group for each step, nothing in it that the runner would act on."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from .redaction import Redactor, cut_middle, log_lines, one_line
from .runner import Answered, Asked, Called, Event, Note, Planned, Printed, Said, Step, Warned, command, print_line

_LINES = 20_000
"""Foreign lines that a log has at the most."""
_CHARACTERS = 8 << 20
"""Characters that they have together at the most."""
_UNENDED = 60_000
"""Characters of a line without an end that are held back at the most."""
_BOXES = {"pending": "☐", "in_progress": "▷", "completed": "☑"}


@dataclass
class Log:
    """The log of the run: one group for each step, every foreign line prefixed so that it is no workflow command."""

    redactor: Redactor
    _open: bool = False
    _partial: str = ""
    _lines: int = 0
    _characters: int = 0
    _full: bool = False
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        """Print an event; nothing after the end."""
        with self._lock:
            if self._closed:
                return
            if not isinstance(event, Printed):
                self._flush()
            match event:
                case Step(title):
                    print_line(("::endgroup::\n" if self._open else "") + command("group", title))
                    self._open = True
                case Note(text):
                    print_line(one_line(self.redactor.clean(text), 500))
                case Warned(text):
                    print_line(command("warning", one_line(self.redactor.clean(text), 1000)))
                case Asked(turn):
                    print_line(f"── turn {turn}")
                case Called(tool, brief):
                    self._foreign(f"{tool}: {brief}", "▶ ")
                case Answered(brief):
                    self._foreign(brief, "◀ ")
                case Said(text):
                    self._foreign(text, "")
                case Printed(text):
                    self._stream(text)
                case Planned(steps):
                    self._foreign("\n".join(f"{_BOXES[status]} {step}" for step, status in steps), "")

    def close(self, text: str, level: str) -> None:
        """Print how the run ended: as an ``error``, a ``warning`` or a ``notice``."""
        with self._lock:
            self._flush()
            if self._open:
                print_line("::endgroup::")
            self._closed = True
            print_line(command(level, cut_middle(self.redactor.clean(text), 4000)))

    def show(self, text: str) -> None:
        """Print foreign text."""
        with self._lock:
            self._foreign(text, "")

    def _foreign(self, text: str, mark: str) -> None:
        if self._full:
            return
        for line in log_lines(mark + self.redactor.clean(text)):
            self._lines += 1
            self._characters += len(line)
            self._full = self._lines > _LINES or self._characters > _CHARACTERS
            if self._full:
                print_line("│ [… the log has enough lines; the run goes on …]")
                return
            print_line(line)

    def _stream(self, text: str) -> None:
        """Print whole lines; a secret that two chunks share is whole in none of them, so a line waits for its end."""
        whole, newline, self._partial = (self._partial + text).rpartition("\n")
        if newline:
            self._foreign(whole, "")
        elif len(self._partial) > _UNENDED:
            self._flush()

    def _flush(self) -> None:
        partial, self._partial = self._partial, ""
        if partial:
            self._foreign(partial, "")
