"""The command ``opsroom``, also as ``python -m opsroom``: the launcher with the page of this distribution."""

import sys
from pathlib import Path

from opsroom_launcher.__main__ import main as launch

PAGE = Path(__file__).with_name("page")
"""Added by the build (``hatch_build.py``)."""


def main() -> int:
    """Do what the command line asks; the exit code says how it went."""
    return launch(PAGE)


if __name__ == "__main__":
    sys.exit(main())
