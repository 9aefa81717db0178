"""What is published: built from a copy with litter in it, looked into, and installed where there is nothing else.

The nox session ``package`` runs this; it takes ``build`` and ``twine``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
VERSION = PROJECT["version"]
ALSO = {
    *(".ci", ".flake8", ".gitignore", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"),
    *("noxfile.py", "pyproject.toml"),
}
FOLDERS = {"benchmarks", "docs", "newsfragments", "tests", "trio_listenkey"}
IGNORED = [line.rstrip("/").rpartition("/")[2] for line in (ROOT / ".gitignore").read_text().split()]
LITTER = ["__pycache__/x.cpython-311.pyc", ".hypothesis/x", ".coverage.x", "build/x.py", "dist/x.py", ".nox/x.py"]

CORE = {"httpcore2", "msgspec", "trio", "websockets"}
FEW = 12  # distributions, this one included
SMALL = 10 * 2**20  # bytes on disk, before anything is compiled


def run(*command: object) -> subprocess.CompletedProcess[str]:
    """Run a command, and fail with what it said if it fails."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def files_of(folder: Path) -> Iterator[str]:
    """The files of the checkout that are anybody's business."""
    for path in folder.rglob("*"):
        inside = path.relative_to(ROOT)
        if path.is_file() and not any(fnmatch(part, each) for part in inside.parts for each in IGNORED):
            yield inside.as_posix()


@dataclass(frozen=True)
class Built:
    """The archives, and the names of the files in them."""

    sdist: Path
    wheel: Path
    again: Path

    @property
    def in_sdist(self) -> set[str]:
        with tarfile.open(self.sdist) as archive:
            return {member.name.partition("/")[2] for member in archive if member.isfile()}

    @property
    def in_wheel(self) -> set[str]:
        with ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    @property
    def metadata(self) -> Metadata:
        with ZipFile(self.wheel) as archive:
            return Metadata.from_email(archive.read(f"trio_listenkey-{VERSION}.dist-info/METADATA"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist, the wheel that is built from it, and the wheel that is built without it."""
    copy = tmp_path_factory.mktemp("copy")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(*IGNORED))
        for each in LITTER:
            litter = copy / name / each
            litter.parent.mkdir(parents=True, exist_ok=True)
            litter.write_text("litter")
    for name in ALSO:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
    out, again = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("again")
    run(sys.executable, "-m", "build", copy, "--outdir", out)
    run(sys.executable, "-m", "build", copy, "--outdir", again, "--wheel")
    (sdist,), (wheel,), (second,) = out.glob("*.tar.gz"), out.glob("*.whl"), again.glob("*.whl")
    return Built(sdist, wheel, second)


@pytest.fixture(scope="module")
def empty(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment in which there is the wheel and what it asks for: not even pip."""
    home = tmp_path_factory.mktemp("empty")
    venv.create(home, with_pip=False)
    run(sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--no-compile", built.wheel)
    return home


def test_the_sdist_has_all_that_it_takes_to_build_and_to_test(built: Built) -> None:
    """It is the checkout, without what git ignores. The wheel is built from it, so that is enough."""
    folders = {each for name in FOLDERS for each in files_of(ROOT / name)}
    assert built.in_sdist == folders | (ALSO - {".ci"}) | {".ci/run", "PKG-INFO"}


def test_the_wheel_has_the_package_and_nothing_else(built: Built) -> None:
    """No tests, no pages, no benchmarks, no litter; and py.typed, without which no type checker looks."""
    info = f"trio_listenkey-{VERSION}.dist-info/"
    about = {info + name for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")}
    assert built.in_wheel == set(files_of(ROOT / "trio_listenkey")) | about
    assert "trio_listenkey/py.typed" in built.in_wheel
    assert built.wheel.name == f"trio_listenkey-{VERSION}-py3-none-any.whl"


def test_who_builds_it_again_gets_the_same_bytes(built: Built) -> None:
    """By way of the sdist or without it: what is published can be compared with its source."""
    assert built.again.read_bytes() == built.wheel.read_bytes()


def test_the_metadata_pass(built: Built) -> None:
    """Whoever takes them in will: what they say is valid, and the README renders."""
    run(sys.executable, "-m", "twine", "check", "--strict", built.sdist, built.wheel)
    assert built.metadata.description == (ROOT / "README.md").read_text(encoding="utf-8")
    assert built.metadata.license_expression == "MIT"
    assert built.metadata.project_urls in (None, {})  # it has no home


def test_the_version_is_in_one_place(built: Built) -> None:
    """It is not said again in the code or the pages, where it would be forgotten."""
    assert str(built.metadata.version) == VERSION
    folders = [*(ROOT / "trio_listenkey").rglob("*.py"), *(ROOT / "docs").glob("*.py"), ROOT / "noxfile.py"]
    said = re.compile(rf"(?<![\d.]){re.escape(VERSION)}(?![\d.])")
    assert [path.name for path in folders if said.search(path.read_text(encoding="utf-8"))] == []


def test_what_is_said_of_pythons_agrees(built: Built) -> None:
    """The classifiers, from which the nox sessions are, begin with the oldest that is required, and leave none out."""
    minors = [int(minor) for minor in re.findall(r"Python :: 3\.(\d+)", "\n".join(PROJECT["classifiers"]))]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert built.metadata.requires_python == SpecifierSet(f">=3.{minors[0]}")
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py3{minors[0]}"
    trio = next(each for each in map(Requirement, PROJECT["dependencies"]) if each.name == "trio")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Python 3.{minors[0]} and later, trio {str(trio.specifier)[2:]} and later." in readme


def test_every_dependency_has_a_lower_bound_and_nothing_more(built: Built) -> None:
    """An upper bound of a library is everybody's problem, and what has an address cannot be published."""
    requirements = built.metadata.requires_dist or []
    assert {canonicalize_name(each.name) for each in requirements if each.marker is None} == CORE
    bounds = {each.name: str(each.specifier) for each in requirements if each.name != "trio-listenkey"}
    assert [name for name, bound in bounds.items() if not re.fullmatch(r">=[\d.]+", bound)] == []
    assert all(each.url is None for each in requirements)


def test_it_works_where_there_is_nothing_else(empty: Path) -> None:
    """Every public module can be imported and says its version; nothing warns."""
    code = f"""
import importlib.metadata
from trio_listenkey import *
from trio_listenkey.connectors import WebSocketConnector
from trio_listenkey.testing import *
from trio_listenkey.testing.control import *
from trio_listenkey.transports import HTTPCore2Transport
WebSocketConnector(), HTTPCore2Transport()
assert importlib.metadata.version("trio-listenkey") == "{VERSION}"
"""
    run(empty / "bin" / "python", "-I", "-W", "error", "-c", code)


@pytest.mark.parametrize("command", [["trio-listenkey"], ["python", "-m", "trio_listenkey"]], ids=" ".join)
def test_the_command_says_what_to_install(empty: Path, command: list[str]) -> None:
    """Its libraries are an extra. Without them there is one line, and no traceback."""
    words = [str(empty / "bin" / command[0]), *command[1:], "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=empty)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"The command line needs \w+: pip install 'trio-listenkey\[cli\]'\n", done.stderr)


def test_entry_points_lead_somewhere(empty: Path) -> None:
    """The command's does; pytest's is a module whose only need is pytest."""
    code = """
from importlib.metadata import distribution
from importlib.util import find_spec
points = {point.group: point for point in distribution("trio-listenkey").entry_points}
assert set(points) == {"console_scripts", "pytest11"}, points
assert callable(points["console_scripts"].load())
assert find_spec(points["pytest11"].module) is not None
"""
    run(empty / "bin" / "python", "-I", "-c", code)


def test_the_core_is_small(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every library that comes along is one more to trust."""
    (site,) = empty.glob("lib/python*/site-packages")
    distributions = sorted(path.name.partition("-")[0] for path in site.glob("*.dist-info"))
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    with capsys.disabled():
        print(f"\n{len(distributions)} distributions, {size / 2**20:.1f} MiB: {', '.join(distributions)}")  # noqa: T201 - to be seen
    assert len(distributions) <= FEW
    assert size <= SMALL
