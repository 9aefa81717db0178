"""``trio-listenkey``, also ``python -m trio_listenkey``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; say what to install if its extra is missing."""
    try:
        from ._cli import commands  # noqa: PLC0415 - its libraries are an extra
    except ModuleNotFoundError as error:
        sys.exit(f"The command line needs {error.name}: pip install 'trio-listenkey[cli]'")
    commands(prog_name="trio-listenkey")


if __name__ == "__main__":
    main()
