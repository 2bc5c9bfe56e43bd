from apps.common.errors import Conflict, Invalid


class EndpointInvalid(Invalid):
    """The endpoint would not work: its URL, its kinds of events or the overlap of its secrets."""

    code = "ENDPOINT_INVALID"


class EndpointNotActive(Conflict):
    """Nothing is sent to an endpoint that is switched off or retired."""

    code = "ENDPOINT_NOT_ACTIVE"
    message = "Nothing is sent to this endpoint."
    remedy = "Switch it on, then send again. A retired one stays retired."
