"""What the measures refuse, as facts."""

from __future__ import annotations


class MeasureRefusal(ValueError):
    """Base of every refusal of this package."""


class LinesMalformed(MeasureRefusal):
    """A frame of ledger lines lacks a column, has a wrong type, a gap or a repeated id."""


class ParametersInvalid(MeasureRefusal):
    """A parameter has a value that no measure can work with."""
