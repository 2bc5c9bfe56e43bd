"""Candidate pairs of classes with what they cost and what the classes have to give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apps.reconciliation.matching.schemas import Ints, Weights


@dataclass(frozen=True)
class Network:
    """Edge by edge; a class may have any numbers, the same ones on every edge.

    Attributes:
        left, right: the class at either end.
        weights: the cost of one pair, 0 or more, comparable within a component.
        supply, demand: how many items the left and the right class have.
    """

    left: Ints
    right: Ints
    weights: Weights
    supply: Ints
    demand: Ints

    def __len__(self) -> int:
        return len(self.left)

    def only(self, chosen: Ints) -> Network:
        """The chosen edges."""
        return Network(
            self.left[chosen],
            self.right[chosen],
            self.weights[chosen],
            self.supply[chosen],
            self.demand[chosen],
        )

    def pairs_at_most(self, labels: Ints) -> Ints:
        """For each component, in the order of its label, the items of its smaller side."""
        _, component = np.unique(labels, return_inverse=True)
        sides = []
        for classes, counts in ((self.left, self.supply), (self.right, self.demand)):
            _, first = np.unique(classes, return_index=True)
            sides.append(np.bincount(component[first], counts[first]))
        return np.minimum(*sides).astype(np.int64)
