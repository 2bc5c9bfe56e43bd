from apps.common.errors import Conflict, Invalid, Refusal


class IdempotencyKeyReused(Invalid):
    """The same key came with another request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    message = "This Idempotency-Key was used for a different request."
    remedy = "Send a new key with a new request; repeat a key only to repeat the same request."


class IdempotencyKeyMalformed(Invalid):
    """The key is not one to three hundred printable characters."""

    code = "IDEMPOTENCY_KEY_MALFORMED"
    message = "An Idempotency-Key has 1 to 200 printable ASCII characters."
    remedy = "A random UUID does well."


class CharsetUnsupported(Refusal):
    """The request says that its texts are written in a way that is not read here."""

    code = "CHARSET_UNSUPPORTED"
    status = 415
    message = "Texts of requests are read as UTF-8."
    remedy = "Leave `charset` out of the Content-Type, or send UTF-8."


class RequestInProgress(Conflict):
    """The first request with this key has not ended yet."""

    code = "REQUEST_IN_PROGRESS"
    message = "A request with this Idempotency-Key is being worked on."
    remedy = "Repeat it in a moment; you will get the answer of the first."
