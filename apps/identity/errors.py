from apps.common.errors import Conflict, Invalid, NotPermitted, Refusal


class RoleUnknown(Invalid):
    """There is no role of that name."""

    code = "ROLE_UNKNOWN"
    message = "There is no such role."


class RoleAlreadyGranted(Conflict):
    """The user holds the role on the entity."""

    code = "ROLE_ALREADY_GRANTED"
    message = "The user has this role on this entity already."


class RoleNotGranted(Conflict):
    """There is no such grant to take away."""

    code = "ROLE_NOT_GRANTED"
    message = "The user does not have this role on this entity."


class UserExists(Conflict):
    """The user name or e-mail address is taken."""

    code = "USER_EXISTS"
    message = "A user with this name or e-mail address exists."


class EntityExists(Conflict):
    """The entity code is taken."""

    code = "ENTITY_EXISTS"
    message = "An entity with this code exists."


class PasswordTooWeak(Invalid):
    """The password does not satisfy the validators."""

    code = "PASSWORD_TOO_WEAK"


class SystemUserNeeded(Conflict):
    """Scheduled work runs as the system user."""

    code = "SYSTEM_USER_NEEDED"
    message = "Scheduled work runs as this user, who cannot sign in anyway."


class UserOfOthers(NotPermitted):
    """The user has a role on an entity whose users the actor does not manage."""

    code = "USER_OF_OTHERS"
    message = "This user also works for an entity whose users you do not manage."
    remedy = "Take away the roles on your own entities, or ask an administrator of the others."


class RegistrationClosed(NotPermitted):
    """Somebody unknown wants to register."""

    code = "REGISTRATION_CLOSED"
    message = "Nobody registers himself: an administrator creates users."
    remedy = "Ask an administrator of your entity."


class NotSignedIn(Refusal):
    """The base of what stands in the way of signing in."""

    code = "NOT_AUTHENTICATED"
    status = 401


class CredentialsWrong(NotSignedIn):
    """Name and password do not belong together; which of them is wrong is not said."""

    code = "CREDENTIALS_WRONG"
    message = "User name and password do not belong together."
    remedy = "After five failures within 15 minutes you are locked out for 15 minutes."


class SecondFactorMissing(NotSignedIn):
    """The password was right; a code is asked for."""

    code = "MFA_REQUIRED"
    message = "A code of your second factor is needed."
    remedy = "Send it to /auth/mfa/verify with the session_token of this answer."


class CodeWrong(NotSignedIn):
    """The code of the second factor is not the right one, or was used before."""

    code = "CODE_WRONG"
    message = "This code is not right."
    remedy = "Wait for the next one, or use a recovery code."


class SignInExpired(NotSignedIn):
    """Too much time passed between the password and the second factor."""

    code = "SIGN_IN_EXPIRED"
    message = "This sign-in was completed or has expired."
    remedy = "Start again at /auth/login."


class TokenInvalid(NotSignedIn):
    """A refresh token that was used before, has expired, or was never ours."""

    code = "TOKEN_INVALID"
    message = "This refresh token is not valid any more."
    remedy = "Sign in again at /auth/login."


class PasswordAskedAgain(NotSignedIn):
    """What concerns the account itself needs a password that was given a moment ago."""

    code = "PASSWORD_ASKED_AGAIN"
    message = "Confirm your password first."
    remedy = "Start again at /auth/mfa/setup with your password."


class AccountInactive(Refusal):
    """The password is right, and the user deactivated."""

    code = "ACCOUNT_INACTIVE"
    status = 403
    message = "This account is deactivated."
    remedy = "Ask an administrator of your entity."


class SecondFactorActive(Conflict):
    """There is a second factor already."""

    code = "MFA_ALREADY_ACTIVE"
    message = "An authenticator is set up already."
    remedy = "Remove it on the page of your account first."


class SignedInAlready(Conflict):
    """A sign-in that carries a valid token."""

    code = "SIGNED_IN_ALREADY"
    message = "This request carries a valid token: you are signed in."
    remedy = "Leave out the Authorization header, or sign out first."


class TooManyAttempts(Refusal):
    """More tries than a person makes."""

    code = "TOO_MANY_REQUESTS"
    status = 429
    message = "Too many attempts."
    remedy = "Wait a few minutes."


class LockedOut(Refusal):
    """Too many failed sign-ins."""

    code = "LOCKED_OUT"
    status = 429
    message = "Too many failed sign-ins."
    remedy = "Wait 15 minutes, or reset your password."
