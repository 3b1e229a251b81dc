"""What the model may do. A tool is one class in one file, named in TOOLS."""

from .apply_patch import ApplyPatch
from .commit import Commit
from .create_directory import CreateDirectory
from .list_files import ListFiles
from .make_pull_request import MakePullRequest
from .read_file import ReadFile
from .run_code import RunCode
from .run_command import RunCommand
from .save_content_to_file import SaveContentToFile
from .tool import Desk, Tool
from .update_plan import UpdatePlan

TOOLS: tuple[type[Tool], ...] = (
    ListFiles,
    ReadFile,
    CreateDirectory,
    SaveContentToFile,
    ApplyPatch,
    RunCommand,
    RunCode,
    UpdatePlan,
    Commit,
    MakePullRequest,
)

__all__ = ["TOOLS", "Desk", "Tool"]
