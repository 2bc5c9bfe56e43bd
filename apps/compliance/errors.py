from apps.common.errors import Conflict, Invalid


class ControlExists(Conflict):
    """The identifier is taken on this entity."""

    code = "CONTROL_EXISTS"
    message = "A control with this identifier exists."


class ControlInvalid(Invalid):
    """A field of the control is not acceptable; the message names it."""

    code = "CONTROL_INVALID"


class PackageInvalid(Invalid):
    """Document, manifest and digests of a package do not fit together."""

    code = "PACKAGE_INVALID"


class PackageMissing(Conflict):
    """The package is on record, but its document is not in the storage."""

    code = "PACKAGE_MISSING"
    message = "The signed document of this package is not in the storage."
    remedy = "Restore it from a backup and tell your administrator."


class PackageChanged(Conflict):
    """The bytes are not those that the package names."""

    code = "PACKAGE_CHANGED"
    message = "The stored document is not the one that was signed."
    remedy = "Do not use it; restore it from a backup and tell your administrator."
