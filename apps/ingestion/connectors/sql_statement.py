"""Is this text one statement that only reads?

Databases disagree about quotes, comments and escapes, and a text can be written so that a checker
sees a string where the database sees a statement. So everything that they disagree about is
refused (a bound parameter can always say it), and what is left is read the same by all of them:
'strings' and "names" whose quotes are doubled, `-- ` comments to the end of the line, and
/* comments */ that do not nest. Where the database knows read-only transactions, it is read in
one; this is the first of two locks, not the only one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.ingestion.connectors.errors import ConnectorInvalid

_PATH = "statement"
_BOUND = "Give the value as a bound parameter instead, such as :name."
_TOKEN = re.compile(
    r"""
    (?P<blank>\s+)
  | (?P<line>--[^\r\n]*)
  | (?P<block>/\*.*?\*/)
  | (?P<text>'(?:[^']|'')*')
  | (?P<name>"(?:[^"]|"")*")
  | (?P<backtick>`(?:[^`]|``)*`)
  | (?P<cast>::)
  | (?P<bind>:[A-Za-z_][A-Za-z0-9_]*)
  | (?P<word>[^\W\d]\w*)
  | (?P<number>\d[\w.]*)
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
# In no statement that only reads, in any dialect, unless quoted as a name.
_WRITING = frozenset(
    """
    alter analyze attach begin call comment commit copy create deallocate declare delete detach
    discard do drop exec execute explain flush grant handler import insert install into kill
    listen load lock merge notify openrowset pragma prepare reassign refresh reindex rename
    reset revoke rollback savepoint security set shutdown truncate unlisten update upsert use
    vacuum
    """.split()  # noqa: SIM905 - read as a list of words, not of quotes
)
_FIRST = ("select", "with")
_BACKTICK_DIALECTS = ("mysql", "mariadb")
_BRACKET_DIALECTS = ("postgresql", "mysql", "mariadb", "oracle")  # there they quote nothing


def bound_names(statement: str, dialect: str) -> list[str]:
    """The names of the bound parameters of a statement that was found to be one that reads.

    Args:
        dialect: SQLAlchemy's name of it ("postgresql").

    Raises:
        ConnectorInvalid: it is not exactly one statement that only reads, or it is written in a
            way that databases understand differently.
    """
    if re.search(r"\r(?!\n)", statement):
        raise ConnectorInvalid(_PATH, "has a line end that not all databases know.")
    words: list[str] = []
    names: list[str] = []
    before = ""
    for kind, token in _tokens(statement):
        _require_understood(kind, token, before, dialect)
        if kind == "word":
            words.append(token.casefold())
        if kind == "bind":
            names.append(token[1:])
        before = token
    if not words or words[0] not in _FIRST:
        raise ConnectorInvalid(_PATH, "begins with SELECT or WITH.")
    if writing := sorted(_WRITING.intersection(words)):
        raise ConnectorInvalid(
            _PATH,
            f"has the word {writing[0].upper()}, which has no place in a statement that reads.",
            remedy='If it is the name of a column, write it in double quotes, such as "comment".',
        )
    return list(dict.fromkeys(names))


def without_end(statement: str) -> str:
    """The statement without one semicolon at its end."""
    return statement.strip().removesuffix(";").rstrip()


def _tokens(statement: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(statement):
        kind = str(found.lastgroup)
        if kind != "blank":
            yield kind, found.group()


def _require_understood(kind: str, token: str, before: str, dialect: str) -> None:
    """Refuse what is no part of one statement, or what not all databases read alike."""
    if "\\" in token or "\0" in token:
        raise ConnectorInvalid(_PATH, "has a backslash.", remedy=_BOUND)
    if kind == "line" and token[2:3] not in ("", " ", "\t", "\r"):
        raise ConnectorInvalid(_PATH, "has a comment without a blank after --.")
    if kind == "block" and (token[2] in "!+M" or "/*" in token[2:]):
        raise ConnectorInvalid(_PATH, "has a comment that not all databases skip.")
    if kind == "text" and before.casefold() in ("q", "nq"):
        raise ConnectorInvalid(_PATH, "has a text in q-quotes.", remedy=_BOUND)
    if kind in ("text", "name") and re.search(r":\w", token):
        raise ConnectorInvalid(_PATH, "has a colon inside quotes.", remedy=_BOUND)
    if kind in ("line", "block") and re.search(r":\w", token):
        raise ConnectorInvalid(_PATH, "has a colon inside a comment.")
    if kind == "backtick" and dialect not in _BACKTICK_DIALECTS:
        raise ConnectorInvalid(_PATH, "has a backtick.", remedy='Use "double quotes".')
    if kind == "sign":
        _require_plain(token, dialect)


def _require_plain(sign: str, dialect: str) -> None:
    if sign == ";":
        raise ConnectorInvalid(_PATH, "is one statement, without a semicolon.", remedy=_BOUND)
    if sign in "'\"`":
        raise ConnectorInvalid(_PATH, "has a quote that does not end.")
    if sign in "#$@?{}":
        raise ConnectorInvalid(_PATH, f"has {sign}, which databases read differently.")
    if sign in "[]" and dialect not in _BRACKET_DIALECTS:
        raise ConnectorInvalid(_PATH, "has a bracket.", remedy='Use "double quotes" for names.')
    if sign == ":" and dialect != "postgresql":
        raise ConnectorInvalid(_PATH, "has a colon that names no parameter.")
