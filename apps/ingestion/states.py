"""The labels under which sealed values belong to their place."""

from typing import Final

# See `apps.privacy.keyring`: a value sealed for one place does not open in another.
ORIGINAL_LABEL: Final = "ingestion.original"
COUNTERPARTY_LABEL: Final = "ingestion.record.counterparty"
NARRATIVE_LABEL: Final = "ingestion.record.narrative"
ATTRIBUTES_LABEL: Final = "ingestion.record.attributes"
ACCOUNT_LABEL: Final = "ingestion.statement.account"
