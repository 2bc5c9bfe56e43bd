"""The score of journal entries: what the measures say of their lines, in one figure with reasons.

A line's score is the weighted mean of its normalised measures, over those that can tell::

    score(line) = sum(weight[m] * normalised[m]) / sum(weight[m])

and the entry's score is the highest of its lines. Every normalised measure lies in 0..1 and
exceeds 0.5 exactly when it is a hit, so 0.5 reads "as unusual as the thresholds, all in all". An
entry is flagged by a hit of a deciding measure on any line, or by a score from the flag threshold.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from .deviation import amount_base, robust_z, size_base, z_score
from .forest import isolation_forest
from .line_scores import LineScores
from .parameters import VERSIONS, Parameters
from .population import FloatArray, IntArray, Population, read_population
from .rules import round_amount, seldom_used_account, weekend_posting

_HIT_SCHEMA = {
    "measure": pl.String,
    "version": pl.String,
    "score": pl.Float64,
    "threshold": pl.Float64,
    "normalised": pl.Float64,
    "inputs": pl.String,
    "reason": pl.String,
}
_UNSCORED_SCHEMA = {
    "measure": pl.String,
    "account": pl.String,
    "currency": pl.String,
    "count": pl.Int64,
    "reason": pl.String,
}


@dataclass(frozen=True, slots=True)
class Scores:
    """The result of scoring.

    Attributes:
        entries: a row for each entry, sorted by ``entry_id``: ``score`` (Float64, 0..1),
            ``is_flagged`` (Boolean) and ``reasons``, a JSON list of objects with ``line_id``,
            ``measure``, ``version`` and ``reason``, empty unless the entry is flagged. An entry
            that only its score flags has that as first reason, with the measure "score".
        hits: a row for each hit on a line of a flagged entry, sorted by ``entry_id``,
            ``line_id``, ``measure``: ``version``, ``score`` (the measure's own figure),
            ``threshold``, ``normalised`` (0..1), ``inputs`` (a JSON object) and ``reason``.
        unscored: what a measure could not score: ``measure``, ``account`` and ``currency`` (null
            for the whole population), ``count`` of lines in the base, ``reason``.
    """

    entries: pl.DataFrame
    hits: pl.DataFrame
    unscored: pl.DataFrame


def score_entries(
    lines: pl.DataFrame, history: pl.DataFrame, parameters: Parameters | None = None
) -> Scores:
    """Score the entries that the lines belong to.

    Args:
        lines: the ledger lines to score; columns as in `population.read_population`.
        history: lines of earlier periods, which the lines are held against; may be empty.
        parameters: without them, the defaults.

    Returns:
        the same for any order of the rows.

    Raises:
        LinesMalformed: a frame lacks a column, has a wrong type, a gap or a repeated line id.
    """
    used = parameters or Parameters()
    population = read_population(lines, history)
    if lines.is_empty():
        return _nothing(population)
    measures = _measures(population, used)
    scored = _flagged(population, measures, used)
    hits = pl.concat([_hits(population, scored["is_flagged"], each) for each in measures])
    hits = hits.sort("entry_id", "line_id", "measure")
    unscored = [asdict(each) for measure in measures for each in measure.unscored]
    return Scores(
        entries=_entries(scored, hits, used),
        hits=hits,
        unscored=pl.DataFrame(unscored, schema=_UNSCORED_SCHEMA),
    )


def _measures(population: Population, parameters: Parameters) -> Sequence[LineScores]:
    amounts = amount_base(population, parameters.z_minimum_lines)
    sizes = size_base(population, parameters.robust_minimum_lines)
    return (
        z_score(population, amounts, parameters),
        robust_z(population, sizes, parameters),
        isolation_forest(population, amounts, parameters),
        weekend_posting(population, parameters),
        round_amount(population, parameters),
        seldom_used_account(population, parameters),
    )


def _line_score(measures: Sequence[LineScores], parameters: Parameters) -> FloatArray:
    """The weighted mean of each line, 0 where no measure with a weight can tell."""
    total = np.zeros(len(measures[0].raw))
    weight = np.zeros(len(measures[0].raw))
    for each in measures:
        can_tell = ~np.isnan(each.normalised)
        own = parameters.weights[each.measure]
        total += np.where(can_tell, each.normalised, 0.0) * own
        weight += can_tell * own
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)


def _flagged(
    population: Population, measures: Sequence[LineScores], parameters: Parameters
) -> pl.DataFrame:
    """Each line's entry, the entry's score and whether it is flagged, and by what."""
    decided = np.zeros(population.lines.height, dtype=np.bool_)
    for each in measures:
        if each.measure in parameters.deciding:
            decided |= each.is_hit
    lines = pl.DataFrame(
        {
            "entry_id": population.lines["entry_id"],
            "score": _line_score(measures, parameters),
            "is_decided": decided,
        }
    )
    return lines.with_columns(
        pl.col("score").max().over("entry_id"), pl.col("is_decided").any().over("entry_id")
    ).with_columns(is_flagged=pl.col("is_decided") | (pl.col("score") >= parameters.flag_threshold))


def _hits(population: Population, is_flagged: pl.Series, scores: LineScores) -> pl.DataFrame:
    positions: IntArray = np.flatnonzero(scores.is_hit & is_flagged.to_numpy())
    explanations = scores.explain(positions)
    lines = population.lines[positions]
    return pl.DataFrame(
        {
            "line_id": lines["line_id"],
            "entry_id": lines["entry_id"],
            "measure": [scores.measure] * lines.height,
            "version": [VERSIONS[scores.measure]] * lines.height,
            "score": scores.raw[positions],
            "threshold": [scores.threshold] * lines.height,
            "normalised": scores.normalised[positions],
            "inputs": [json.dumps(each.inputs) for each in explanations],
            "reason": [each.reason for each in explanations],
        },
        schema_overrides=_HIT_SCHEMA,
    )


def _entries(scored: pl.DataFrame, hits: pl.DataFrame, parameters: Parameters) -> pl.DataFrame:
    entries = scored.unique("entry_id").sort("entry_id")
    by_score = entries.filter(pl.col("is_flagged") & ~pl.col("is_decided"))
    reasons = _reasons(hits, by_score, parameters)
    told = pl.DataFrame(
        {"entry_id": list(reasons), "reasons": [json.dumps(each) for each in reasons.values()]},
        schema={"entry_id": entries.schema["entry_id"], "reasons": pl.String},
    )
    return (
        entries.join(told, on="entry_id", how="left", maintain_order="left")
        .with_columns(pl.col("reasons").fill_null("[]"))
        .select("entry_id", "score", "is_flagged", "reasons")
    )


def _reasons(
    hits: pl.DataFrame, by_score: pl.DataFrame, parameters: Parameters
) -> dict[int | str, list[dict[str, object]]]:
    """The reasons of each flagged entry: its score, if that alone flags it, then its hits."""
    reasons: dict[int | str, list[dict[str, object]]] = {
        entry_id: [
            {
                "measure": "score",
                "reason": f"the score {score:.2f} reaches {parameters.flag_threshold:.2f}",
            }
        ]
        for entry_id, score in by_score.select("entry_id", "score").iter_rows()
    }
    columns = ("line_id", "measure", "version", "reason")
    for entry_id, *values in hits.select("entry_id", *columns).iter_rows():
        reasons.setdefault(entry_id, []).append(dict(zip(columns, values, strict=True)))
    return reasons


def _nothing(population: Population) -> Scores:
    ids = population.lines.select("line_id", "entry_id")
    figures = {"score": pl.Float64, "is_flagged": pl.Boolean, "reasons": pl.String}
    return Scores(
        entries=ids.select("entry_id").hstack(pl.DataFrame(schema=figures)),
        hits=ids.hstack(pl.DataFrame(schema=_HIT_SCHEMA)),
        unscored=pl.DataFrame(schema=_UNSCORED_SCHEMA),
    )
