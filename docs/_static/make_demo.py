"""Draws ``demo.svg``: what ``trio-listenkey demo`` leaves on a terminal. ``nox -s picture`` runs it.

The demo is run as it is, on a pseudo-terminal of 74 columns, and all that it writes is carried out on a screen: the
live view comes and goes, and what stands there in the end is drawn. The picture changes when the demo does, and not
with the clock on the wall: the dice of the library's jitter are seeded, the port is shown as 8180, times are rounded to
tenths, and a picture that differs in nothing but times is left as it is.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS, ROWS = 74, 60
PROGRAM = "import random; random.seed(3); from trio_listenkey.__main__ import main; main()"
PROMPT = "\x1b[2m$\x1b[0m \x1b[1mtrio-listenkey demo\x1b[0m"
SVG = Path(__file__).with_name("demo.svg")

# Readable on white and on black pages.
THEME = TerminalTheme(
    background=(22, 27, 34),
    foreground=(230, 237, 243),
    normal=[
        *((72, 79, 88), (255, 123, 114), (86, 211, 100), (227, 179, 65)),
        *((121, 192, 255), (210, 168, 255), (86, 212, 221), (230, 237, 243)),
    ],
)

# Rich's own, but without fonts from elsewhere and without animation.
FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" class="{unique_id}" viewBox="0 0 {width} {height}" role="img">
<title>What trio-listenkey demo prints</title>
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  line-height: {line_height}px; }}
.{unique_id}-title {{ font: bold 18px system-ui, sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">
{matrix}
</g></g>
</svg>
"""


def record() -> bytes:
    """All that the demo writes to its terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "", "COLUMNS": str(COLUMNS)}
    environ.pop("NO_COLOR", None)
    written = b""
    with subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", PROGRAM, "demo"], stdin=its, stdout=its, stderr=its, env=environ
    ) as demo:
        os.close(its)
        try:
            while more := os.read(ours, 65536):
                written += more
        except OSError:  # the other end is closed: that is how it ends on Linux
            pass
        finally:
            os.close(ours)
    if demo.returncode:
        sys.exit(f"the demo failed:\n{written.decode(errors='replace')}")
    return written


def carry_out(written: str) -> list[str]:
    """What stands on the screen in the end; colours are kept as they were written."""
    lines, row = [""], 0
    for part in re.findall(r"\x1b\[[\d;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", written):
        code = re.fullmatch(r"\x1b\[([\d;?]*)([A-Za-z])", part)
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r" or (code and code[2] in "hl"):  # every line is written from its start, or erased before
            continue
        elif code and code[2] == "A":
            row -= int(code[1] or 1)
        elif code and code[2] == "K":
            lines[row] = ""
        elif code and code[2] != "m":
            sys.exit(f"make_demo.py does not know what {part!r} does")
        else:
            lines[row] += part
    return lines


def settle(line: str) -> str:
    """Without what another run would have otherwise."""
    line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8180", line)
    return re.sub(r"^((?:\x1b\[[\d;]*m)*) ( *\d+\.\d)\d s", r"\1 \2 s", line)


def main() -> None:
    """Write the picture."""
    shown = [settle(line) for line in carry_out(record().decode())]
    text = Text.from_ansi("\n".join([PROMPT, *shown]).rstrip())
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="256")
        console.print(text)
        svg = console.export_svg(title="trio-listenkey demo", theme=THEME, code_format=FORMAT, unique_id="demo")
    svg = "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
    if not SVG.exists() or without_times(svg) != without_times(SVG.read_text(encoding="utf-8")):
        SVG.write_text(svg, encoding="utf-8")


def without_times(svg: str) -> str:
    """What tells one demo from another."""
    return re.sub(r"\d+\.\d&#160;s", "", svg)


if __name__ == "__main__":
    main()
