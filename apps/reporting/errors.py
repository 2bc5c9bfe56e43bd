from apps.common.errors import Conflict


class SigningImpossible(Conflict):
    """Key or certificate for signing cannot be used, or what they sign does not verify."""

    code = "SIGNING_IMPOSSIBLE"
    remedy = "Check EVIDENCE_SIGNING_KEY_FILE and EVIDENCE_SIGNING_CERT_FILE."
