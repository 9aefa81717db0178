"""Every check of this project.

``nox`` runs those that show within minutes whether a change is good; ``nox -t rest`` the others that it has to pass:
the tests on the other Pythons and dependencies, and what is published. ``nox --list`` shows all of them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
nox.options.reuse_venv = "yes"
# A Python that is not here is skipped, and said so at the end; but see coverage(), which
# cannot do without OLDEST.
nox.options.error_on_missing_interpreters = False

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)  # from the classifiers
OLDEST = PYTHONS[0]
nox.options.sessions = ["lint", "types", "docs", "tests", "coverage"]
REST = ["rest"]  # the tag of what has to pass as well, and takes longer

# Where tests run: Python looks for no module in the directory it is started in, so what is tested is what was
# installed. And it writes bytecode, whatever the caller's environment says: pytest rewrites the asserts of our package,
# which is a plugin, and without bytecode it would do so anew, for seconds, in each process that a test starts.
ENV = {"PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": ""}

SOURCES = ["trio_listenkey", "tests", "benchmarks", "docs"]  # where the Python files are

EXTRAS = sorted(PYPROJECT["project"]["optional-dependencies"])

# Half of the time the tests wait, for sockets and real clocks: three processes keep two cores busy. Those that are done
# take over what others have left. After ``--``, ``-n 0`` runs all in one, as a debugger needs it.
# Hypothesis tries the same examples each time, so that a change is judged by what it changes. To look for new ones:
# ``nox -s tests -- --hypothesis-profile=default``.
PYTEST = ("pytest", "-n", "3", "--dist", "worksteal", "--hypothesis-profile=ci")

# The whole takes too long to be run four times for each change. So all of it runs on the oldest Python, and each case
# once more: on one of the newer ones, or on the oldest dependencies.
PARTS = [*PYTHONS[1:], "oldest"]

# Clients that no one here wrote.
PEERS = ["python-binance==1.0.37", "ccxt==4.5.90", "trio-binance==0.5.3"]
SDKS = [
    "binance-sdk-derivatives-trading-coin-futures==14.1.0",
    "binance-sdk-derivatives-trading-options==8.7.0",
    "binance-sdk-derivatives-trading-portfolio-margin==16.1.0",
    "binance-sdk-derivatives-trading-usds-futures==18.1.0",
    "binance-sdk-margin-trading==8.9.0",
    "binance-sdk-spot==13.3.0",
    "binance-sdk-stocks==1.6.0",
]
ALONE = {
    "futures_connector": "binance-futures-connector==4.2.0",
    "ubwa_usdm": "unicorn-binance-websocket-api==2.16.1",
}
NPM = ["binance@3.6.5", "ccxt@4.5.84"]


def _install(
    session: nox.Session, *groups: str, extras: str = "asks,cli,metrics,proxy,redis,testing,trio-websocket"
) -> None:
    session.install(f".[{extras}]", *nox.project.dependency_groups(PYPROJECT, *groups))


def _part(where: str) -> str:
    return f"--part={PARTS.index(where) + 1}/{len(PARTS)}"


def _async_files() -> list[str]:
    """The files that flake8-async has something to say about; the others would take it half a minute."""
    concerned = re.compile(r"\b(async|await|trio|BaseException|KeyboardInterrupt)\b|except:")
    files = [Path("noxfile.py"), *(each for top in SOURCES for each in sorted(Path(top).rglob("*.py")))]
    return [str(each) for each in files if concerned.search(each.read_text("utf-8"))]


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff for everything but cancellation and checkpoints, which flake8-async knows more about."""
    session.install(*nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("flake8", *_async_files())


@nox.session
def types(session: nox.Session) -> None:
    """The code by mypy, its use by mypy and pyright, and that nothing public is left without a type."""
    _install(session, "types", "test")
    session.run("mypy")
    for conftest in sorted(Path("tests").rglob("conftest.py")):
        session.run("mypy", str(conftest), env={"MYPYPATH": "tests/ports"})  # where two of them share a kit
    session.run("pyright")
    session.run("pyright", "--verifytypes", "trio_listenkey", "--ignoreexternal")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning, or a name that leads nowhere, is an error."""
    _install(session, "docs")
    shutil.rmtree("docs/_build", ignore_errors=True)
    session.run("sphinx-build", "-T", "-n", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session(python=OLDEST, tags=REST)
def package(session: nox.Session) -> None:
    """Build what is published, look into it, and install it where there is nothing else."""
    session.install(*nox.project.dependency_groups(PYPROJECT, "package"))
    session.run("pytest", "-p", "no:cacheprovider", "tests/package/check_package.py", *session.posargs)


@nox.session(python=OLDEST, tags=REST)
@nox.parametrize("extra", ["nothing", *EXTRAS], ids=["nothing", *EXTRAS])
def extras(session: nox.Session, extra: str) -> None:
    """Use each extra where no other is installed, and the library where none is."""
    session.install("." if extra == "nothing" else f".[{extra}]")
    script = f"tests/extras/extra_{extra.replace('-', '_')}.py"
    session.run("python", "-W", "error", script, env={**ENV, "PYTHONPATH": "tests/extras"})


@nox.session(python=OLDEST)
def tests(session: nox.Session) -> None:
    """Run the tests on the oldest Python, under coverage; arguments after ``--`` go to pytest."""
    _install(session, "test")
    session.run("coverage", "erase")
    # On this Python all code takes more than twice the time while some of it is measured. Long tests took half of the
    # suite's, and reach nothing that short ones do not.
    none = 5  # pytest's exit code where the arguments choose no test of the kind
    measured = ("coverage", "run", "-m", *PYTEST, "-m", "not no_cover")
    session.run(*measured, *session.posargs, env=ENV, success_codes=[0, none])
    session.run(*PYTEST, "-m", "no_cover", *session.posargs, env=ENV, success_codes=[0, none])


@nox.session(python=PYTHONS[1:], tags=REST)
def newer(session: nox.Session) -> None:
    """Run a part of the tests on every newer Python; ``-- --part=1/1`` runs all, and other arguments go to pytest."""
    _install(session, "test")
    session.run(*PYTEST, _part(str(session.python)), *session.posargs, env=ENV)


@nox.session
def coverage(session: nox.Session) -> None:
    """Every line and every branch, as measured on the oldest Python.

    That one is always here, so the verdict is the same wherever this runs. Where its tests were skipped there is
    nothing to combine, and this fails.
    """
    session.install(*nox.project.dependency_groups(PYPROJECT, "coverage"))
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session(python=OLDEST, tags=REST)
def oldest(session: nox.Session) -> None:
    """Run a part of the tests on the oldest dependencies that are allowed; ``-- --part=1/1`` runs all."""
    optional = PYPROJECT["project"]["optional-dependencies"]
    allowed = [*PYPROJECT["project"]["dependencies"], *(each for extra in optional.values() for each in extra)]
    _install(session, "test")
    session.install(*(requirement.replace(">=", "==") for requirement in allowed if ">=" in requirement))
    session.run(*PYTEST, _part("oldest"), *session.posargs, env=ENV)


@nox.session(tags=REST)
def anyio4(session: nox.Session) -> None:
    """Run the transports' tests with anyio 4: asks there, which does not ask for it, and httpx2, which does."""
    _install(session, "test", extras="cli,testing")
    session.install("anyio>=4", "httpx2", "async_generator", "h11")
    session.install("--no-deps", "asks")
    session.run("pytest", *(session.posargs or ["tests/ports/transports"]), env=ENV)


@nox.session(python=OLDEST)
def clients(session: nox.Session) -> None:
    """Run clients that no one here wrote against the exchange; those for Node where there is npm."""
    _install(session, "test", extras="cli")
    session.install(*PEERS, *SDKS)
    # These two cannot be installed beside the others: one has python-binance's name, one other versions.
    alone = Path(session.virtualenv.location, "alone")
    for program, package in ALONE.items():
        session.install("--target", str(alone / program), "--upgrade", package)
    modules = Path(session.virtualenv.location, "node", "node_modules")
    if shutil.which("npm"):
        session.run("npm", "install", "--prefix", str(modules.parent), "--no-audit", "--no-fund", *NPM, external=True)
    else:
        session.warn("npm is not here: the clients for Node are skipped")
    where = {"CLIENTS_ALONE": str(alone), "CLIENTS_NODE_MODULES": str(modules)}
    # Their warnings are theirs.
    command = ("pytest", "-n", "3", "-W", "default", "-rs", "tests/real_clients/clients.py")
    session.run(*command, *session.posargs, env=where)


@nox.session
def demo(session: nox.Session) -> None:
    """Watch a key being created, kept alive, lost, replaced and closed."""
    session.install(".[cli]")
    session.run("trio-listenkey", "demo", *session.posargs)


@nox.session
def picture(session: nox.Session) -> None:
    """Draw what the demo prints, for the README."""
    session.install(".[cli]")
    session.run("python", "docs/_static/make_demo.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Print what this library costs as one table, beside its peers; or run the benchmarks named after ``--``."""
    _install(session, "test")
    session.install(*PEERS, "pydantic>=2")  # to be compared with
    for script in session.posargs or ["benchmarks/economy.py"]:
        session.run("python", script)


@nox.session(python=OLDEST)
def survival(session: nox.Session) -> None:
    """Run this library and its peers through the same misfortunes, and print what came of it; ``-- --help`` for more.

    It takes ten minutes, and fails if this library broke one of its promises.
    """
    session.install(".[testing]", *PEERS)
    session.run("python", "-m", "survival", *session.posargs, env={**ENV, "PYTHONPATH": "benchmarks"})


@nox.session(python=OLDEST)
def sharing(session: nox.Session) -> None:
    """Run programs that share a key as processes, kill, stop and starve them, on Valkey and SQLite; ten minutes."""
    _install(session, "test", extras="redis,testing")
    session.run("pytest", "-rP", "tests/processes/check_sharing.py", *session.posargs, env=ENV)


@nox.session
def news(session: nox.Session) -> None:
    """Show what the next release will say about itself."""
    session.install(*nox.project.dependency_groups(PYPROJECT, "news"))
    session.run("towncrier", "build", "--draft", "--version", "next")
