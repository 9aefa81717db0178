"""20,000 gaps of generated accounts: is what a program believes in the end the truth?

Beside ``Orders`` stands what most programs do: after a gap they fetch the open orders, and replace what they knew.
Events are lost and late, answers come from any moment between question and arrival, pages are cut, a database lags.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "resync"))

from order_world import Life, differences, live, live_as

from trio_listenkey.resync import AskOpenOrders, Order, read_order
from trio_listenkey.resync._events import words_in

GAPS = 20_000
GAPS_A_LIFE = 2  # besides the first, with which a stream begins


@dataclass
class Overwriting(Life):
    """Fetches the open orders after a gap, and replaces what it knew of those; events replace what it knows, too."""

    cache: dict[tuple[str, int], Order] = field(default_factory=dict)
    is_asking: bool = False

    def go_on(self) -> None:
        world = self.world
        world.step += 1
        for event in world.due():
            for word in words_in(event) or ():
                if isinstance(word, Order):
                    self.cache[word.key] = word
        if not self.is_asking and self.waiting:
            self.waiting.popleft()
            self.is_asking = True
            self.taken_at = world.step + 1 + world.random.randint(0, 2)
            self.answer_at = self.taken_at + world.random.randint(0, 3)
        if self.is_asking and self.taken_at == world.step:
            self.answer = world.answer(AskOpenOrders(None), self.reading)
        if self.is_asking and self.answer_at == world.step:
            self.cache = {key: each for key, each in self.cache.items() if not each.is_open}
            self.cache.update({each.key: each for each in self.answer})
            self.is_asking = False
            self.gaps += 1
            self.first_asked = self.first_asked or world.step

    @property
    def is_settled(self) -> bool:
        return not self.is_asking and not self.waiting and not self.world.feed

    def wrong(self) -> tuple[int, int]:
        """Orders that are open and not known as they are, phantoms included; orders that are over and not known so."""
        is_open = unseen = 0
        for key, states in self.world.states.items():
            truth, believed = read_order(states[-1][1]), self.cache.get(key)
            agrees = believed is not None and believed.says_the_same_as(truth)
            if truth.is_open or (believed is not None and believed.is_open):
                is_open += not agrees
            elif not (states[0][0] <= self.since and states[-1][0] <= self.first_asked):
                unseen += not agrees
        return is_open, unseen


def main(gaps: int) -> None:
    lives = gaps // GAPS_A_LIFE
    rows: dict[str, list[Any]] = {}
    began = time.process_time()
    overwriting = [live_as(Overwriting, Random(seed), gaps=GAPS_A_LIFE).wrong() for seed in range(lives)]
    rows["snapshot overwrites"] = [
        sum(bool(wrong) for wrong, _ in overwriting),
        sum(bool(unseen) for _, unseen in overwriting),
        1.0,
        time.process_time() - began,
    ]
    began, wrong, unresolved, questions = time.process_time(), 0, 0, 0
    for seed in range(lives):
        life = live(Random(seed), gaps=GAPS_A_LIFE)
        wrong += bool(differences(life)) and not life.unresolved
        unresolved += bool(life.unresolved)
        questions += life.questions
    rows["Orders"] = [wrong, wrong, questions / lives / (GAPS_A_LIFE + 1), time.process_time() - began]
    print(f"{lives} lives, {lives * GAPS_A_LIFE} gaps and {lives} beginnings; wrong in the end, of all lives:")
    print(f"{'':<22}{'open orders':>13}{'orders over':>13}{'questions a gap':>17}{'CPU s':>8}")
    for name, (is_open, unseen, asked, spent) in rows.items():
        print(f"{name:<22}{is_open / lives:>12.2%} {unseen / lives:>12.2%} {asked:>16.1f}{spent:>8.1f}")
    print(f"Orders, told as unresolved (more orders in a millisecond than a page): {unresolved / lives:.2%}")
    if wrong:
        sys.exit("what is believed is not the truth")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else GAPS)
