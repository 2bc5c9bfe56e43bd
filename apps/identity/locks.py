"""Row locks of this app, in this order: user."""

from __future__ import annotations

from apps.common.access import one_visible
from apps.identity.models import User


def user_for_update(user_id: int) -> User:
    """The user's row, locked until the transaction ends.

    Raises:
        NotVisible: no such user.
    """
    return one_visible(User.objects.select_for_update().filter(pk=user_id))
