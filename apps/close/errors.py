from apps.common.errors import Conflict, Invalid, NotPermitted


class TemplateInvalid(Invalid):
    """The template's tasks do not form a plan; the message names the place."""

    code = "TEMPLATE_INVALID"


class RunAlreadyOpen(Conflict):
    """The period has a close run that is not finished."""

    code = "RUN_ALREADY_OPEN"
    message = "This period is being closed already."
    remedy = "Go on with the run that is open."


class TaskIsAutomated(Conflict):
    """Tasks with a handler are done by it, or by the approvals it asks for."""

    code = "TASK_IS_AUTOMATED"
    message = "This task runs by itself."
    remedy = "If it failed, mend the cause and retry it."


class NotTheOwner(NotPermitted):
    """The task belongs to another role."""

    code = "NOT_THE_OWNER"


class CommentMissing(Invalid):
    """A manual task is completed with a word about what was done."""

    code = "COMMENT_MISSING"
    message = "Say in a few words what was done."


class HandlerUnknown(Invalid):
    """No app offers a handler of this name."""

    code = "HANDLER_UNKNOWN"
