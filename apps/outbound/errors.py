from apps.common.errors import Conflict, Invalid, Refusal


class EndpointInvalid(Invalid):
    """The endpoint would not work: its URL, its kinds of events or the overlap of its secrets."""

    code = "ENDPOINT_INVALID"


class EndpointNotActive(Conflict):
    """Nothing is sent to an endpoint that is switched off or retired."""

    code = "ENDPOINT_NOT_ACTIVE"
    message = "Nothing is sent to this endpoint."
    remedy = "Switch it on, then send again. A retired one stays retired."


class PreferenceInvalid(Invalid):
    """Messages could not be sent like this: no address, no URL of Slack, no hour of a day."""

    code = "PREFERENCE_INVALID"


class LinkExpired(Refusal):
    """A link of a message is older than seven days."""

    code = "LINK_EXPIRED"
    status = 410
    message = "This link has expired."
    remedy = "Sign in and look under Approvals."
