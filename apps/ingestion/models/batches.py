"""The files that came in, and their lines: facts, never changed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.common.bulk_checks import later_at_once, refers_at_once, unique_at_once
from apps.common.guards import append_only
from apps.common.models import scoped_by
from apps.common.money import AmountField, CurrencyField
from apps.ingestion.models.sources import Source
from apps.ingestion.permissions import VIEW_SOURCES
from apps.privacy.fields import EncryptedTextField

_user = settings.AUTH_USER_MODEL


@append_only()
class Batch(models.Model):
    """One file as it was imported: an immutable snapshot with its totals (the auditor's IPE)."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="batches")
    filename = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    format = models.CharField(max_length=20)
    conventions = models.JSONField(default=dict, help_text="Encoding, separator, decimal, dates.")
    mapping = models.JSONField(
        default=dict, blank=True, help_text="The source's field mapping when this was read."
    )
    reading = models.PositiveSmallIntegerField(
        default=1,
        help_text="Above 1: lines that were rejected before, read again by a changed mapping or"
        " corrected.",
    )
    query_text = models.TextField(blank=True, default="")
    parameters = models.JSONField(default=dict, blank=True)
    line_count = models.PositiveIntegerField(help_text="Accepted lines in the file.")
    added_count = models.PositiveIntegerField(help_text="Lines that were not known before.")
    amended_count = models.PositiveIntegerField(
        default=0, help_text="Of the added lines: those that supersede an earlier version."
    )
    closed_periods = models.JSONField(
        default=dict,
        blank=True,
        help_text="Of the added lines: those dated in periods that were closed, by the period.",
    )
    rejected_count = models.PositiveIntegerField()
    pending_count = models.PositiveIntegerField(default=0)
    control_totals = models.JSONField(help_text="Sum of the accepted lines by currency.")
    statements = models.JSONField(help_text="Balances, totals and whether they tie.")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    original_name = models.CharField(max_length=200, help_text="Where the sealed original lies.")
    imported_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_SOURCES).as_manager()

    class Meta:
        verbose_name_plural = "batches"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "sha256", "reading"], name="one_batch_per_content_and_reading"
            )
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.sha256[:8]})"

    @property
    def closed_words(self) -> str:
        """What came late, for people; '' if nothing did."""
        count = sum(self.closed_periods.values())
        if not count:
            return ""
        names = ", ".join(f"{name}: {lines:,}" for name, lines in self.closed_periods.items())
        return (
            f"1 new line falls into a closed period ({names})"
            if count == 1
            else f"{count:,} new lines fall into closed periods ({names})"
        )

    @property
    def totals(self) -> list[tuple[str, Decimal]]:
        """Control totals as (currency, amount)."""
        return [(currency, Decimal(text)) for currency, text in self.control_totals.items()]


@append_only()
@refers_at_once("batch", same=("source", "entity"))
@unique_at_once("content_key", "occurrence", owner="source", near="booked_on")
class Record(models.Model):
    """One line of one batch. Whether it is matched is derived, never stored here.

    Who it is about lies in the batch's sealed blocks.
    """

    entity = models.ForeignKey(
        "identity.Entity",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    source = models.ForeignKey(
        Source,
        on_delete=models.PROTECT,
        related_name="records",
        db_index=False,
        db_constraint=False,
    )
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="records",
        db_index=False,
        db_constraint=False,
    )
    line = models.PositiveIntegerField()
    external_id = models.CharField(max_length=200, blank=True, default="")
    account = models.CharField(max_length=100, blank=True, default="")
    booked_on = models.DateField()
    value_on = models.DateField(null=True)
    amount = AmountField()
    currency = CurrencyField()
    reference = models.CharField(max_length=200, blank=True, default="")
    position = models.PositiveIntegerField(help_text="Its place in the batch's sealed blocks.")
    content_key = models.BinaryField(max_length=16)
    occurrence = models.PositiveIntegerField()

    objects = scoped_by(VIEW_SOURCES).as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        # Partitions know their batch, source and days (apps.common.partitions). The first one,
        # which has batches of many sources, has indexes of its own (migrations 0010 and 0012).

    def __str__(self) -> str:
        return f"{self.external_id or self.pk} {self.amount} {self.currency}"


@append_only()
class SealedBlock(models.Model):
    """Counterparty, narrative and further attributes of up to BLOCK_ROWS records of a batch.

    It holds the records at the positions from `number` * BLOCK_ROWS on (`apps.privacy.blocks`).
    Where the batch has a partition of its own (`apps.common.partitions`) it holds all that is said
    of up to WHOLE_BLOCK_ROWS records, so that a million of them are read without their rows.
    """

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="+", db_index=False)
    number = models.PositiveIntegerField(help_text="From 0.")
    first_id = models.PositiveBigIntegerField(
        null=True,
        help_text="Of a block that holds records whole: the id of the first, the others follow it.",
    )
    sealed = models.BinaryField()

    objects = scoped_by(VIEW_SOURCES, "batch__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["batch", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "number"], name="one_sealed_block_per_number")
        ]

    def __str__(self) -> str:
        return f"block {self.number} of batch {self.batch_id}"


@append_only()
@refers_at_once("record")
@refers_at_once("supersedes")
@later_at_once("record", "supersedes", by="batch")
class Amendment(models.Model):
    """A record that takes the place of an earlier one: its source now says something else.

    Both stay. What stands is what no amendment supersedes.
    """

    record = models.OneToOneField(
        Record, on_delete=models.PROTECT, related_name="amends", db_constraint=False
    )
    supersedes = models.OneToOneField(
        Record, on_delete=models.PROTECT, related_name="amended_by", db_constraint=False
    )

    objects = scoped_by(VIEW_SOURCES, "record__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"record {self.record_id} for {self.supersedes_id}"


@append_only()
class RejectedLine(models.Model):
    """A line that was not accepted: where, which field, and why."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="rejected_lines")
    line = models.PositiveIntegerField()
    field = models.CharField(max_length=100)
    reason = models.TextField()

    objects = scoped_by(VIEW_SOURCES, "batch__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["batch", "line"]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@append_only()
class LineCorrection(models.Model):
    """What a person put in place of the texts of a rejected line; the original file stays."""

    rejected_line = models.OneToOneField(
        RejectedLine, on_delete=models.PROTECT, related_name="correction"
    )
    batch = models.OneToOneField(
        Batch,
        on_delete=models.PROTECT,
        related_name="correction",
        help_text="The reading that brought the corrected line in.",
    )
    changes: Any = EncryptedTextField(
        help_text="JSON of column: [text of the file, corrected text]."
    )
    reason = models.TextField()
    corrected_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    corrected_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_SOURCES, "batch__entity_id").as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"correction of rejected line {self.rejected_line_id}"


@append_only()
class FailedImport(models.Model):
    """A file that was refused as a whole; its original is kept all the same."""

    entity = models.ForeignKey("identity.Entity", on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="failed_imports")
    filename = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    code = models.CharField(max_length=50)
    message = models.TextField()
    remedy = models.TextField(blank=True, default="")
    line = models.PositiveIntegerField(null=True)
    field = models.CharField(max_length=100, blank=True, default="")
    original_name = models.CharField(max_length=200)
    imported_by = models.ForeignKey(_user, on_delete=models.PROTECT, related_name="+")
    failed_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = scoped_by(VIEW_SOURCES).as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.filename}: {self.message}"
