"""Every variable of the environment that is read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from apps.operations.reference.markdown import code, page, table
from apps.operations.reference.source import SourceFile, source_files

_READERS_OF_ONE: Final = {"database": "DATABASE_URL", "redis": "REDIS_URL"}
_NEVER_NEEDED: Final = {"words", "origin", "origins", "destinations", "some_of"}
_READERS_OF_TEXT: Final = {"text", "secret", "database", "redis", "hosts"}

MEANINGS: Final = {
    "ALLOWED_HOSTS": "The host names under which the site is reached, by comma, without scheme.",
    "ATTACHMENT_MOST_BYTES": "Largest file that may be attached to an approval request.",
    "CSRF_TRUSTED_ORIGINS": "Further origins whose forms are accepted, with scheme, by comma.",
    "DATABASE_URL": "PostgreSQL: `postgres://user:password@host:5432/database`; a socket's folder"
    " stands as `%2Fpath` for the host. The embedded mode sets it.",
    "EVIDENCE_SIGNING_CERT_FILE": "Certificate (PEM) of that key; its fingerprint is what auditors"
    " check evidence by.",
    "EVIDENCE_SIGNING_KEY_FILE": "Private key (PEM, without passphrase) that signs evidence"
    " packages.",
    "EGRESS_HOSTS": "Where connectors and webhooks may go, by comma: hosts (`api.example.com`), all"
    " below one (`.example.com`), and the networks of those that have no public address"
    " (`10.1.0.0/16`)."
    " Empty: nowhere.",
    "FILE_DROP_DIR": "Folder from which the files of a period are collected, one folder below it"
    " for each entity.",
    "FINFLOW_KEY_RING": "Keys of the encrypted fields, `2:<base64>,1:<base64>`, 32 bytes each: the"
    " first encrypts, all decrypt. Whoever loses it loses what it encrypted.",
    "FINFLOW_MEDIA_DIR": "Folder of stored files (originals, attachments, evidence; encrypted).",
    "JWT_PRIVATE_KEY_FILE": "RSA private key (PEM, without passphrase) that signs access tokens.",
    "LOG_LEVEL": "DEBUG, INFO, WARNING, ERROR or CRITICAL. Left alone: INFO for the product,"
    " WARNING for what it is built from.",
    "MAIL_FROM": "Address that mails come from.",
    "MAIL_PASSWORD": "Password at the mail server.",
    "MAIL_PORT": "Port of the mail server.",
    "MAIL_SECURITY": "`starttls`, `tls` (from the first byte, mostly port 465) or `none`.",
    "MAIL_SERVER": "Mail server for notices and for links that reset passwords. Embedded mode"
    " prints mails instead.",
    "MAIL_USERNAME": "User at the mail server; empty: no sign-in.",
    "METRICS_TOKEN": "Bearer token that opens `/metrics`; empty: only signed-in people who may"
    " look at operations.",
    "OWN_PARTITION_FROM": "An import or a reconciliation that stores at least so many rows in a"
    " table gives them a partition of their own, which is filled faster.",
    "PROXY_COUNT": "How many proxies of yours stand before the site and add to `X-Forwarded-For`:"
    " failed sign-ins are counted by the address that the outermost one saw.",
    "RECONCILE_SHARDS": "Into how many shards a large reconciliation is split, so that as many"
    " workers can take part. 0: one for each core of the machine that plans it, and so many that"
    " none has more than 2,500,000 records; 1: never split.",
    "RECONCILE_SHARDS_FROM": "A reconciliation of at least so many records is split.",
    "REDIS_URL": "Redis: `redis://host:6379/0`, `rediss://…` or `unix:///path`. The embedded mode"
    " sets it.",
    "SECRET_KEY": "50 or more random characters: signs sessions and links. Another one ends all"
    " sessions.",
    "SITE_URL": "Where people reach the site, `https://finflow.example.com`: links in messages lead"
    " there. Empty: messages hold no links.",
    "STORAGE_PROTOCOLS": "Object storage that file drops may name, by comma: `s3`, `gs`, `abfs`."
    " `file` would let them read this machine.",
    "UPLOAD_MAX_BYTES": "Largest file that may be imported.",
}
AROUND: Final = {
    "DJANGO_SETTINGS_MODULE": "`config.settings.embedded` (default), `config.settings.production`"
    " (the container's default) or `config.settings.test`.",
    "FINFLOW_DATA_DIR": "Data folder of the embedded mode, `var/embedded` in the checkout by"
    " default: databases, keys, logs, files.",
    "FINFLOW_PYTHON": "The Python that `bin/…` makes the virtual environment with.",
    "FINFLOW_TEST_DATA_DIR": "Data folder of the tests, `var/test` by default.",
    "TMPDIR": "Where the sockets of the embedded servers go, if the path is short enough.",
}


@dataclass(frozen=True, order=True)
class SettingRead:
    """A variable that the settings read, and what holds if it is not set."""

    name: str
    is_needed: bool
    default: str
    is_text: bool


def settings_page() -> str:
    """What a production site is told, and what the start scripts look at."""
    return page(
        "Settings",
        "FinFlow is configured by environment variables alone. A variable that is missing or"
        " malformed stops web, worker, beat and commands with one line that names it and says what"
        " to do. The embedded mode makes everything that it needs by itself and leaves what you set"
        " as it is.",
        "A secret can come in a file: where `SECRET_KEY` is not set, `SECRET_KEY_FILE` names the"
        " file that holds it. That goes for every variable marked *text* below.",
        "## The site\n\n"
        + table(["Variable", "Needed", "Default", "", "Meaning"], list(_rows(settings_read()))),
        "## Around it\n\n"
        + table(["Variable", "Meaning"], [[code(name), text] for name, text in AROUND.items()]),
    )


def settings_read() -> list[SettingRead]:
    """Every variable that `config` reads through `config.env`."""
    return sorted({found for file in source_files("config") for found in _reads(file)})


def _rows(found: list[SettingRead]) -> Iterator[list[str]]:
    for name in sorted({one.name for one in found}):
        reads = [one for one in found if one.name == name]
        needed = [one for one in reads if one.is_needed]
        everywhere = len(needed) == len(reads)
        yield [
            code(name),
            ("yes" if everywhere else "in production") if needed else "",
            ", ".join(dict.fromkeys(code(one.default) for one in reads if one.default)),
            "text" if any(one.is_text for one in reads) else "",
            MEANINGS[name],
        ]


def _reads(file: SourceFile) -> Iterator[SettingRead]:
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner, reader = node.func.value, node.func.attr
        if not isinstance(owner, ast.Name) or owner.id != "env":
            continue
        given = {word.arg: word.value for word in node.keywords}
        names = [word.value for word in node.args if isinstance(word, ast.Constant)]
        for name in names or [_READERS_OF_ONE.get(reader)]:
            if name:
                yield SettingRead(
                    name=str(name),
                    is_needed="default" not in given and reader not in _NEVER_NEEDED,
                    default=str(_value(given["default"])) if "default" in given else "",
                    is_text=reader in _READERS_OF_TEXT,
                )


def _value(expression: ast.expr) -> Any:
    """A default as people write it: a number, a text, or a path in the checkout."""
    if isinstance(expression, ast.Constant):
        return expression.value
    if isinstance(expression, ast.BinOp):
        left, right = _value(expression.left), _value(expression.right)
        if isinstance(expression.op, ast.Mult):
            return left * right
        return f"{left}/{right}".removeprefix("BASE_DIR/")
    return ast.unparse(expression)
