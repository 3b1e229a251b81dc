"""The tool save_content_to_file."""

from pydantic import Field

from ..redaction import one_line
from .tool import Desk, Tool, locate_for_writing


class SaveContentToFile(Tool):
    """Write a whole text file, new or in place of the old one. To change a part of a file use apply_patch."""

    path: str = Field(description="Path from the repository root.")
    content: str = Field(description="The whole text, exactly as it is to be, with its last newline.")

    @property
    def brief(self) -> str:
        """The path and the size."""
        return one_line(f"{self.path} ({len(self.content):,} characters)", 120)

    def run(self, desk: Desk) -> str:
        """Write it, byte for byte as given."""
        data = self.content.encode("utf-8", "replace")
        desk.workspace.write(locate_for_writing(self.path), data)
        return f"Saved {self.path}: {len(data):,} bytes, {self.content.count(chr(10)):,} newlines."
