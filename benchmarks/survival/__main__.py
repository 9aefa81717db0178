"""``python -m survival``: run the scenarios, print the table, and fail if this library broke a promise."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import deque
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import trio

from .judge import broken_promises, judge
from .scenarios import SCENARIOS, Scenario
from .stage import PLAYERS, PlayerError, perform
from .table import NOTES, Result, format_result, heading, write_csv, write_json, write_rst

OURS = "trio-listenkey"


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="survival", description="This library and its peers in the same misfortunes.")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--player", action="append", choices=PLAYERS, help="only this one; may be repeated")
    parser.add_argument("--scenario", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--jobs", type=int, default=4, help="how many run at the same time (%(default)s)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--csv", type=Path, help="write the table to this file")
    parser.add_argument("--rst", type=Path, help="write a table for readers to this file, as reStructuredText")
    parser.add_argument("--logs", type=Path, help="keep the players' tapes and standard error in this directory")
    parser.add_argument("--list", action="store_true", help="show the scenarios and run nothing")
    return parser.parse_args()


async def run_cell(scenario: Scenario, player: str, logs: Path) -> Result:
    try:
        figures = judge(await perform(scenario, player, logs))
    except PlayerError as error:
        return Result(scenario, player, None, (str(error),) if player == OURS else ())
    if player != OURS:
        return Result(scenario, player, figures, ())
    broken = broken_promises(figures, scenario.promise, close_timeout=scenario.settings.close_timeout)
    return Result(scenario, player, figures, tuple(broken))


async def run_all(scenarios: list[Scenario], players: list[str], jobs: int, logs: Path) -> list[Result]:
    results: list[Result] = []
    # The longest first, so that none of them is left over at the end.
    waiting = deque(
        (scenario, player) for scenario in sorted(scenarios, key=lambda each: -each.seconds) for player in players
    )

    async def work() -> None:
        while waiting:
            results.append(await run_cell(*waiting.popleft(), logs))
            print(format_result(results[-1]), flush=True)

    async with trio.open_nursery() as nursery:
        for _ in range(jobs):
            nursery.start_soon(work)
    order = [(scenario.name, player) for scenario in scenarios for player in players]
    return sorted(results, key=lambda each: order.index((each.scenario.name, each.player)))


def find_versions(players: list[str]) -> dict[str, str]:
    versions = {}
    for player in players:
        try:
            versions[player] = version(player)
        except PackageNotFoundError:
            versions[player] = ""
    return versions


def main() -> int:
    arguments = read_arguments()
    scenarios = [each for each in SCENARIOS if not arguments.scenario or each.name in arguments.scenario]
    players = [each for each in PLAYERS if not arguments.player or each in arguments.player]
    if arguments.list:
        for scenario in scenarios:
            print(f"{scenario.name:<18} {scenario.seconds:>4g} s  {scenario.title}")
        return 0
    print(heading(), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        logs: Path = arguments.logs or Path(scratch)
        logs.mkdir(parents=True, exist_ok=True)
        results = trio.run(run_all, scenarios, players, arguments.jobs, logs)
    print("\nThe same in order:\n")
    print("\n".join([heading(), *map(format_result, results)]))
    print("", *(f"* {note}" for note in NOTES), sep="\n")
    versions = find_versions(players)
    if arguments.json:
        write_json(arguments.json, results, versions)
    if arguments.csv:
        write_csv(arguments.csv, results)
    if arguments.rst:
        write_rst(arguments.rst, results, versions)
    broken = [f"{result.scenario.name}: {message}" for result in results for message in result.broken]
    if broken:
        print(f"\n{OURS} broke what it promises:", *broken, sep="\n  ", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
