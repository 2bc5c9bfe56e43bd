"""The trigger functions that look at the rows of a statement, as SQL."""

from __future__ import annotations

from typing import Final

FUNCTIONS: Final = """
-- TG_ARGV: what counts the rows that do not hold, what to say of them, and the error that it is.
CREATE OR REPLACE FUNCTION finflow_check_none() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  astray bigint;
BEGIN
  EXECUTE TG_ARGV[0] INTO astray;
  IF astray > 0 THEN
    RAISE EXCEPTION '% rows of % %', astray, TG_TABLE_NAME, TG_ARGV[1] USING ERRCODE = TG_ARGV[2];
  END IF;
  RETURN NULL;
END $$;

-- Of a table that has just grown nothing is known yet: row by row through the index, then sorted,
-- is what would be planned for a million rows. Through a bitmap, into a hash table, is fast for
-- few rows and for many. Rows of a partition are looked at in its whole table, TG_ARGV[4].
CREATE OR REPLACE FUNCTION finflow_check_unique() RETURNS trigger LANGUAGE plpgsql
  SET work_mem = '256MB' SET enable_indexscan = off SET enable_sort = off AS $$
DECLARE
  part record;
  repeated bigint;
BEGIN
  FOR part IN EXECUTE format(
    'SELECT %1$I AS owner, min(%2$I) AS least, max(%2$I) AS most FROM fresh GROUP BY 1 ORDER BY 1',
    TG_ARGV[0], TG_ARGV[2]
  ) LOOP
    -- Whoever inserts for the same owner waits here, and then sees these rows.
    EXECUTE format('SELECT FROM %I WHERE id = $1 FOR NO KEY UPDATE', TG_ARGV[1]) USING part.owner;
    EXECUTE format(
      'SELECT count(*) FROM (SELECT FROM %I WHERE %I = $1 AND %I BETWEEN $2 AND $3'
      ' GROUP BY %s HAVING count(*) > 1) AS several',
      TG_ARGV[4], TG_ARGV[0], TG_ARGV[2], TG_ARGV[3]
    ) INTO repeated USING part.owner, part.least, part.most;
    IF repeated > 0 THEN
      RAISE EXCEPTION '% rows of % are there already', repeated, TG_ARGV[4]
        USING ERRCODE = 'unique_violation';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
"""
