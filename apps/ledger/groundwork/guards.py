"""What the database itself refuses about the books, whoever asks.

- An entry starts as a draft, moves along `ENTRY_MOVES`, and is final once posted or cancelled;
  a submitted one keeps its content; none is ever deleted. Its date lies in its period.
- Lines come and go only with a draft, belong to the entry's entity, and have no more decimals
  than their currency. They are replaced, never updated.
- At commit, debits equal credits per currency in every submitted or posted entry, and the numbers
  of a period have no gap.
- Posting shares a lock with other postings, closing a period holds it alone; a closed period takes
  no posting, unless a reopening lets it (`reopenings`).

Installed after `migrate`, like the guards of `apps.common`, and not by a migration: the bodies are
generated from the move tables of `states.py`, and a change of either is a change of code that the
next `migrate` puts in place (`apps.common.triggers`).
"""

from __future__ import annotations

from typing import Any

from apps.common.triggers import Trigger, keep_triggers
from apps.ledger.groundwork.moves import pairs
from apps.ledger.groundwork.reopenings import reopening_functions_sql
from apps.ledger.groundwork.tables import are_there
from apps.ledger.states import ENTRY_MOVES, KINDS_TAKEN, PERIOD_MOVES

# The same two keys as `apps.common.advisory` makes, so that both sides meet at one lock.
_LOCK_FUNCTIONS = """
CREATE OR REPLACE FUNCTION ledger_lock_key(name text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
  SELECT ('x' || encode(substr(sha256(convert_to(name, 'UTF8')), 1, 4), 'hex'))::bit(32)::integer
$$;
CREATE OR REPLACE FUNCTION ledger_lock_number(id bigint) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT (id # (id >> 32))::bit(32)::integer $$;
"""

_REFUSE_FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
"""

_ACCOUNT_FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.entity_id, NEW.code) IS DISTINCT FROM (OLD.id, OLD.entity_id, OLD.code) THEN
    RAISE EXCEPTION 'entity and code of an account never change'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""

_PERIOD_FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_guard_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'planned' THEN
      RAISE EXCEPTION 'a period starts as planned' USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(
      ledger_lock_key('ledger.chart'), ledger_lock_number(NEW.entity_id));
    IF EXISTS (
      SELECT 1 FROM ledger_period
      WHERE entity_id = NEW.entity_id AND starts_on <= NEW.ends_on AND ends_on >= NEW.starts_on
    ) THEN
      RAISE EXCEPTION 'period % overlaps another', NEW.name
        USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.id, NEW.entity_id, NEW.calendar_id, NEW.fiscal_year, NEW.name, NEW.starts_on, NEW.ends_on)
     IS DISTINCT FROM
     (OLD.id, OLD.entity_id, OLD.calendar_id, OLD.fiscal_year, OLD.name, OLD.starts_on, OLD.ends_on)
  THEN
    RAISE EXCEPTION 'the boundaries of a period never change'
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.status <> OLD.status THEN
    IF NOT (OLD.status || '>' || NEW.status) = ANY (ARRAY[{period_moves}]) THEN
      RAISE EXCEPTION 'a % period cannot become %', OLD.status, NEW.status
        USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = 'hard_closed' AND NEW.status <> 'reopened'
       AND (NEW.closed_by_id, NEW.closed_at, NEW.digest)
       IS DISTINCT FROM (OLD.closed_by_id, OLD.closed_at, OLD.digest) THEN
      RAISE EXCEPTION 'by whom, when and on what a period was closed never changes'
        USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(ledger_lock_key('ledger.period'), ledger_lock_number(NEW.id));
    IF NEW.status = 'reopened' AND NOT ledger_is_reopened(NEW.id, OLD.digest) THEN
      RAISE EXCEPTION 'period % has no open reopening', NEW.name
        USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = 'reopened' AND EXISTS (
      SELECT 1 FROM ledger_periodreopening WHERE period_id = NEW.id AND status = 'open'
    ) THEN
      RAISE EXCEPTION 'the reopening of period % is ended first', NEW.name
        USING ERRCODE = 'restrict_violation';
    END IF;
  ELSIF NEW IS DISTINCT FROM OLD THEN
    RAISE EXCEPTION 'a period changes only with its status'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""

_ENTRY_FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_guard_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  home record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'draft' THEN
      RAISE EXCEPTION 'a journal entry starts as a draft' USING ERRCODE = 'restrict_violation';
    END IF;
  ELSE
    IF OLD.status NOT IN ({changing}) THEN
      RAISE EXCEPTION 'a % journal entry is final', OLD.status
        USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status
       AND NOT (OLD.status || '>' || NEW.status) = ANY (ARRAY[{entry_moves}]) THEN
      RAISE EXCEPTION 'a % journal entry cannot become %', OLD.status, NEW.status
        USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.entity_id, NEW.kind, NEW.reverses_id, NEW.prepared_by_id)
       IS DISTINCT FROM (OLD.id, OLD.entity_id, OLD.kind, OLD.reverses_id, OLD.prepared_by_id)
    THEN
      RAISE EXCEPTION 'entity, kind and preparer of a journal entry never change'
        USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'draft' AND
       (NEW.period_id, NEW.posted_on, NEW.description, NEW.source, NEW.external_id, NEW.origin,
        NEW.preparer_name)
       IS DISTINCT FROM
       (OLD.period_id, OLD.posted_on, OLD.description, OLD.source, OLD.external_id, OLD.origin,
        OLD.preparer_name)
    THEN
      RAISE EXCEPTION 'the content of a submitted journal entry does not change'
        USING ERRCODE = 'restrict_violation';
    END IF;
  END IF;
  IF NEW.status = 'posted' THEN
    PERFORM pg_advisory_xact_lock_shared(
      ledger_lock_key('ledger.period'), ledger_lock_number(NEW.period_id));
  END IF;
  SELECT entity_id, name, starts_on, ends_on, status INTO home
    FROM ledger_period WHERE id = NEW.period_id;
  IF NOT FOUND OR home.entity_id <> NEW.entity_id
     OR NEW.posted_on NOT BETWEEN home.starts_on AND home.ends_on THEN
    RAISE EXCEPTION 'a journal entry lies in its period' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.status = 'posted'
     AND NOT (home.status || '>' || NEW.kind) = ANY (ARRAY[{kinds_taken}]) THEN
    RAISE EXCEPTION 'period % is % and takes no such posting', home.name, home.status
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.status = 'posted' AND home.status = 'reopened'
     AND NOT ledger_reopening_takes(NEW.period_id, NEW.id, NEW.kind) THEN
    RAISE EXCEPTION 'the reopening of period % takes no such posting, or is over', home.name
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""

# Runs at commit, when all lines are there; the entry may have moved on since the event.
_BALANCE_FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_require_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  entry record;
BEGIN
  SELECT id, status, period_id, number INTO entry FROM ledger_journalentry WHERE id = NEW.id;
  IF entry.status NOT IN ('submitted', 'posted') THEN
    RETURN NULL;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM ledger_journalline WHERE entry_id = entry.id) OR EXISTS (
    SELECT 1 FROM ledger_journalline WHERE entry_id = entry.id
    GROUP BY currency HAVING sum(debit) <> sum(credit)
  ) THEN
    RAISE EXCEPTION 'journal entry %: debits differ from credits', entry.id
      USING ERRCODE = 'check_violation';
  END IF;
  IF entry.number > 1 AND NOT EXISTS (
    SELECT 1 FROM ledger_journalentry
    WHERE period_id = entry.period_id AND number = entry.number - 1
  ) THEN
    RAISE EXCEPTION 'journal entry %: the numbers of its period have a gap', entry.id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
"""

# A statement trigger looks at all lines of a statement at once. FOR SHARE makes it wait for
# whoever is moving the entry, and the mover for it: no line slips in beside a posting.
_LINES_FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_guard_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  fixed bigint;
BEGIN
  WITH locked AS (
    SELECT status FROM ledger_journalentry
    WHERE id IN (SELECT entry_id FROM changed) ORDER BY id FOR SHARE
  )
  SELECT count(*) INTO fixed FROM locked WHERE status <> 'draft';
  IF fixed > 0 THEN
    RAISE EXCEPTION 'lines change only while their journal entry is a draft'
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN NULL;
  END IF;
  IF EXISTS (
    SELECT 1 FROM changed
    LEFT JOIN ledger_currency currency ON currency.code = changed.currency
    WHERE currency.code IS NULL
       OR changed.debit <> round(changed.debit, currency.exponent)
       OR changed.credit <> round(changed.credit, currency.exponent)
  ) THEN
    RAISE EXCEPTION 'an amount has more decimals than its currency'
      USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM changed
    JOIN ledger_account account ON account.id = changed.account_id
    JOIN ledger_journalentry entry ON entry.id = changed.entry_id
    WHERE account.entity_id <> entry.entity_id
  ) THEN
    RAISE EXCEPTION 'a line uses an account of its own entity' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
"""

_EACH_ROW = "FOR EACH ROW"
_EACH_STATEMENT = "FOR EACH STATEMENT"

_TRIGGERS = (
    Trigger("ledger_account", "keep", "BEFORE UPDATE", _EACH_ROW, "ledger_guard_account()"),
    Trigger("ledger_period", "move", "BEFORE INSERT OR UPDATE", _EACH_ROW, "ledger_guard_period()"),
    Trigger("ledger_period", "delete", "BEFORE DELETE", _EACH_ROW, "ledger_refuse_change()"),
    Trigger(
        "ledger_periodreopening",
        "move",
        "BEFORE INSERT OR UPDATE",
        _EACH_ROW,
        "ledger_guard_reopening()",
    ),
    Trigger(
        "ledger_periodreopening", "delete", "BEFORE DELETE", _EACH_ROW, "ledger_refuse_change()"
    ),
    Trigger(
        "ledger_journalentry", "move", "BEFORE INSERT OR UPDATE", _EACH_ROW, "ledger_guard_entry()"
    ),
    Trigger("ledger_journalentry", "delete", "BEFORE DELETE", _EACH_ROW, "ledger_refuse_change()"),
    Trigger(
        "ledger_journalentry",
        "balance",
        "AFTER UPDATE",
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status IN ('submitted', 'posted'))",
        "ledger_require_balance()",
    ),
    Trigger(
        "ledger_journalline",
        "insert",
        "AFTER INSERT",
        f"REFERENCING NEW TABLE AS changed {_EACH_STATEMENT}",
        "ledger_guard_lines()",
    ),
    Trigger(
        "ledger_journalline",
        "delete",
        "AFTER DELETE",
        f"REFERENCING OLD TABLE AS changed {_EACH_STATEMENT}",
        "ledger_guard_lines()",
    ),
    Trigger("ledger_journalline", "update", "BEFORE UPDATE", _EACH_ROW, "ledger_refuse_change()"),
    *(
        Trigger(table, "truncate", "BEFORE TRUNCATE", _EACH_STATEMENT, "ledger_refuse_change()")
        for table in (
            "ledger_account",
            "ledger_period",
            "ledger_periodreopening",
            "ledger_journalentry",
            "ledger_journalline",
        )
    ),
)


def install_ledger_guards(*, using: str = "default", **kwargs: Any) -> None:
    """After migrate: put functions and triggers in place."""
    if are_there(using, "ledger_journalline", "ledger_periodreopening"):
        keep_triggers(
            using=using, prefix="finflow_ledger_", functions=_functions_sql(), triggers=_TRIGGERS
        )


def _functions_sql() -> str:
    return "\n".join(
        [
            _LOCK_FUNCTIONS,
            _REFUSE_FUNCTION,
            _ACCOUNT_FUNCTION,
            reopening_functions_sql(),
            _PERIOD_FUNCTION.format(period_moves=pairs(PERIOD_MOVES)),
            _ENTRY_FUNCTION.format(
                changing=", ".join(f"'{status!s}'" for status in sorted(ENTRY_MOVES)),
                entry_moves=pairs(ENTRY_MOVES),
                kinds_taken=pairs(KINDS_TAKEN),
            ),
            _BALANCE_FUNCTION,
            _LINES_FUNCTION,
        ]
    )
