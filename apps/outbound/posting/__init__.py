"""Sign a text and send it to one place, once; knows nothing of Django."""

from apps.outbound.posting.request import Answer, check_url, post
from apps.outbound.posting.signing import new_secret, signed_headers

__all__ = ["Answer", "check_url", "new_secret", "post", "signed_headers"]
