"""The built-in ledger as a source: posted lines of chosen accounts, as any system's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.ingestion.connectors.contract import Pulled, Site, Window
from apps.ingestion.connectors.errors import ConnectorInvalid
from apps.ingestion.connectors.exact_json import document
from apps.ingestion.connectors.fields import Fields, credentials_within


class Ledger:
    """Posted lines; debits are positive."""

    name = "ledger"
    title = "Built-in ledger"

    def check(
        self, settings: Mapping[str, Any], credentials: Mapping[str, str], site: Site
    ) -> None:
        """See `Connector.check`."""
        accounts = _accounts(settings)
        credentials_within(credentials, ())
        for account in accounts:
            if account not in site.accounts:
                raise ConnectorInvalid("accounts", f"{account} is no account of this entity.")

    def destination(self, settings: Mapping[str, Any]) -> str:
        """See `Connector.destination`: there are no credentials."""
        return ""

    def pull(
        self,
        settings: Mapping[str, Any],
        credentials: Mapping[str, str],
        window: Window,
        site: Site,
    ) -> Pulled:
        """See `Connector.pull`. The columns have the names that are recognised by themselves."""
        accounts = _accounts(settings)
        rows = site.posted_lines(accounts, window.starts_on, window.ends_on)
        return Pulled(
            content=document(rows, max_bytes=site.max_bytes),
            filename=f"ledger-{window.period}.json",
            query_text=f"Posted journal lines of the accounts {', '.join(accounts)}.",
            parameters={**window.values, "accounts": accounts},
            is_of_window=True,
        )


def _accounts(settings: Mapping[str, Any]) -> list[str]:
    fields = Fields(settings)
    accounts = fields.list_of_texts("accounts")
    fields.end()
    if not accounts:
        raise ConnectorInvalid("accounts", "is a list of account codes, and not empty.")
    return accounts
