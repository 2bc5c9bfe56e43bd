"""What the kernel refuses to work on."""

from __future__ import annotations


class RulesInvalid(ValueError):
    """A rule set has faults; each names the path of the setting it is about.

    Attributes:
        faults: one line per fault, ``"passes[1].tolerance.absolute: must be ..."``.
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


class ItemsInvalid(ValueError):
    """An item frame breaks its contract; the message names side, column and fault."""


class NotOptimal(ArithmeticError):
    """An assignment was not the cheapest: the solver is wrong, and nothing of it is used."""
