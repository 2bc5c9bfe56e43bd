"""Model fields whose values are encrypted at rest (low volume: accounts, credentials, secrets)."""

from __future__ import annotations

from typing import Any

from fernet_fields import EncryptedTextField as FernetTextField


class EncryptedTextField(FernetTextField):
    """Text under Fernet; refuses look-ups; right in `bulk_update` too.

    django-fernet-fields stores the text of the CASE expression that `bulk_update` builds. Here
    expressions pass; Django asks again for each value inside them, and that is encrypted.
    """

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if hasattr(value, "as_sql"):
            return value
        return super().get_db_prep_save(value, connection)
