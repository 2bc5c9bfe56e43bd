"""What the database itself asks of a reopening.

- It starts as asked, of a period that is closed; what was asked never changes, and nothing is
  deleted.
- It opens before its end, and only upon an approval of exactly this content that was given by so
  many different people, none of whom asked, and that was taken for it.
- A closed period is reopened only by a reopening that is open, and one that is reopened takes what
  the reopening names, until its end, whether anybody has closed it by then or not.

The functions of period and entry in `guards` ask the two at the bottom of this module.
"""

from __future__ import annotations

from apps.ledger.groundwork.moves import pairs
from apps.ledger.states import REOPENING_APPROVERS, REOPENING_MOVES

_GUARD_FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_guard_reopening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'asked' THEN
      RAISE EXCEPTION 'a reopening starts as asked' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (
      SELECT 1 FROM ledger_period
      WHERE id = NEW.period_id AND status = 'hard_closed' AND digest = NEW.digest_before
    ) THEN
      RAISE EXCEPTION 'only a closed period can be reopened, as it was closed'
        USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.id, NEW.period_id, NEW.number, NEW.reason, NEW.kinds, NEW.accounts, NEW.expires_at,
      NEW.asked_by_id, NEW.asked_at, NEW.digest_before, NEW.content_hash)
     IS DISTINCT FROM
     (OLD.id, OLD.period_id, OLD.number, OLD.reason, OLD.kinds, OLD.accounts, OLD.expires_at,
      OLD.asked_by_id, OLD.asked_at, OLD.digest_before, OLD.content_hash)
  THEN
    RAISE EXCEPTION 'what a reopening was asked for never changes'
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.status = OLD.status THEN
    IF NEW IS DISTINCT FROM OLD THEN
      RAISE EXCEPTION 'a reopening changes only with its status'
        USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF NOT (OLD.status || '>' || NEW.status) = ANY (ARRAY[{moves}]) THEN
    RAISE EXCEPTION 'a reopening that is % cannot become %', OLD.status, NEW.status
      USING ERRCODE = 'restrict_violation';
  END IF;
  PERFORM pg_advisory_xact_lock(
    ledger_lock_key('ledger.period'), ledger_lock_number(NEW.period_id));
  IF NEW.status = 'open' AND NEW.expires_at <= clock_timestamp() THEN
    RAISE EXCEPTION 'the time of the reopening is over' USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.status = 'open' AND NOT EXISTS (
    SELECT 1 FROM approvals_request request
    JOIN approvals_use used ON used.request_id = request.id
    WHERE request.subject_type = 'ledger.periodreopening' AND request.subject_id = NEW.id::text
      AND request.subject_hash = NEW.content_hash AND request.status = 'approved'
      AND {approvers} <= (
        SELECT count(DISTINCT decision.approver_id) FROM approvals_decision decision
        WHERE decision.request_id = request.id AND decision.verdict = 'approve'
          AND decision.approver_id <> NEW.asked_by_id
      )
  ) THEN
    RAISE EXCEPTION 'a reopening opens upon the approval of {approvers} others'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""

# Asked while the period's lock is held. The clock is read now, not when the transaction began.
_ASKED_FUNCTIONS = """
CREATE OR REPLACE FUNCTION ledger_is_reopened(period bigint, closed_as text) RETURNS boolean
LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT 1 FROM ledger_periodreopening reopening
    WHERE reopening.period_id = period AND reopening.status = 'open'
      AND reopening.digest_before = closed_as AND reopening.expires_at > clock_timestamp()
  )
$$;
CREATE OR REPLACE FUNCTION ledger_reopening_takes(period bigint, entry bigint, entry_kind text)
RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT 1 FROM ledger_periodreopening reopening
    WHERE reopening.period_id = period AND reopening.status = 'open'
      AND reopening.expires_at > clock_timestamp() AND reopening.kinds ? entry_kind
      AND (reopening.accounts = '[]'::jsonb OR NOT EXISTS (
        SELECT 1 FROM ledger_journalline line
        JOIN ledger_account account ON account.id = line.account_id
        WHERE line.entry_id = entry AND NOT reopening.accounts ? account.code
      ))
  )
$$;
"""


def reopening_functions_sql() -> str:
    """Everything that the triggers of period, entry and reopening need of this module."""
    guard = _GUARD_FUNCTION.format(moves=pairs(REOPENING_MOVES), approvers=REOPENING_APPROVERS)
    return _ASKED_FUNCTIONS + guard
