"""The plain truth about one pass over few items: try every possible pairing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from apps.reconciliation.matching import Pass
from apps.reconciliation.matching.schemas import IDENTITY

Pairing = tuple[tuple[int, int], ...]


@dataclass
class Verdict:
    """What every best pairing agrees on, in kinds of items instead of ids.

    Attributes:
        sure: how many pairs of each two kinds are in every best pairing alike.
        torn: how many items of each kind of either side are left between equals.
        size, cost: number of pairs and total (amount, days) of a best pairing.
    """

    sure: Counter
    torn: dict[str, Counter]
    size: int
    cost: tuple[int, int]


def kind(item: dict) -> tuple:
    """Items of one kind are interchangeable."""
    filled = {**item, "value_on": item["value_on"] or item["booked_on"]}
    return (item["currency"], *(filled[name] for name in IDENTITY))


def compared(item: dict, step: Pass, side: str) -> int:
    """The amount that the pass looks at."""
    if step.sign == "unsigned":
        return abs(item["amount"])
    return -item["amount"] if step.sign == "opposite" and side == "right" else item["amount"]


def day(item: dict, step: Pass) -> int:
    """The date that the pass looks at, as a number."""
    return (item[step.date_field] or item["booked_on"]).toordinal()


def admits(left: dict, right: dict, step: Pass) -> bool:
    """Whether the pass may pair the two."""
    for key in {"currency", *step.keys} - {"amount"}:
        if left[key] != right[key] or (isinstance(left[key], str) and not left[key].strip()):
            return False
    gap, _ = cost(left, right, step)
    if gap > allowed(left, step):
        return False
    if step.date_window is None:
        return True
    apart = day(right, step) - day(left, step)
    return -step.date_window.before_days <= apart <= step.date_window.after_days


def allowed(left: dict, step: Pass) -> Fraction:
    """The tolerance for a left item, not rounded."""
    rule = step.tolerance
    absolute = None if rule.absolute is None else Fraction(rule.absolute)
    share = None
    if rule.percent is not None:
        share = Fraction(abs(left["amount"]) * rule.percent, 100_000_000)
    given = [limit for limit in (absolute, share) if limit is not None]
    return max(given) if rule.combine == "larger" else min(given)


def cost(left: dict, right: dict, step: Pass) -> tuple[int, int]:
    """Amount difference, then days."""
    gap = abs(compared(left, step, "left") - compared(right, step, "right"))
    return gap, abs(day(left, step) - day(right, step))


Costs = dict[tuple[int, int], tuple[int, int]]  # of every admitted pair of positions


def pairings(costs: Costs, lefts: int, rights: int) -> Iterator[Pairing]:
    """Every set of admitted pairs in which no item occurs twice (positions)."""

    def extend(position: int, free: frozenset[int]) -> Iterator[Pairing]:
        if position == lefts:
            yield ()
            return
        yield from extend(position + 1, free)
        for other in sorted(free):
            if (position, other) in costs:
                for rest in extend(position + 1, free - {other}):
                    yield ((position, other), *rest)

    yield from extend(0, frozenset(range(rights)))


def verdict(lefts: list[dict], rights: list[dict], step: Pass) -> Verdict:
    """What the best pairings of single items are."""
    costs = {
        (one, other): cost(left, right, step)
        for one, left in enumerate(lefts)
        for other, right in enumerate(rights)
        if admits(left, right, step)
    }
    return best_of(costs, [kind(each) for each in lefts], [kind(each) for each in rights])


def best_of(costs: Costs, left_kinds: list, right_kinds: list) -> Verdict:
    """Best of all pairings: most pairs, then least cost; and what all best ones share."""

    def rank(pairing: Pairing) -> tuple[int, int, int]:
        return (
            -len(pairing),
            sum(costs[pair][0] for pair in pairing),
            sum(costs[pair][1] for pair in pairing),
        )

    everything = list(pairings(costs, len(left_kinds), len(right_kinds)))
    best = min(map(rank, everything))
    flows = [
        Counter((left_kinds[one], right_kinds[other]) for one, other in pairing)
        for pairing in everything
        if rank(pairing) == best
    ]
    links = set().union(*flows)
    sure = Counter({link: flows[0][link] for link in links if len({f[link] for f in flows}) == 1})
    varying = links - set(sure)
    torn = {
        side: _torn({link[at] for link in varying}, kinds, _taken(sure, at))
        for at, (side, kinds) in enumerate((("left", left_kinds), ("right", right_kinds)))
    }
    return Verdict(sure, torn, -best[0], (best[1], best[2]))


def _taken(sure: Counter, at: int) -> Counter:
    taken: Counter = Counter()
    for link, count in sure.items():
        taken[link[at]] += count
    return taken


def _torn(torn: set, population: list[tuple], taken: Counter) -> Counter:
    counts = Counter(population)
    return Counter(
        {each: counts[each] - taken[each] for each in torn if counts[each] > taken[each]}
    )
