"""A build backend that builds nothing: pip asks it for a distribution's metadata and gets the file that is shipped.

``pip download`` wants the metadata of whatever it fetches, and would run the package's ``setup.py`` to have it. This
backend, in the place of the default one, answers from ``PKG-INFO``; so no code of the package runs.
"""

import shutil
import sys
from email.parser import BytesHeaderParser
from pathlib import Path

__legacy__ = sys.modules[__name__]
"""Under this name pip looks for the backend of a distribution without a ``pyproject.toml``."""


def prepare_metadata_for_build_wheel(metadata_directory: str, _config_settings: object = None) -> str:
    """The name of the ``.dist-info`` directory, made in the given one, that holds the shipped metadata."""
    shipped = Path("PKG-INFO")
    fields = BytesHeaderParser().parsebytes(shipped.read_bytes())
    info = Path(metadata_directory, f"{fields['Name'].replace('-', '_')}-{fields['Version']}.dist-info")
    info.mkdir()
    shutil.copyfile(shipped, info / "METADATA")
    return info.name
