"""What people decide about an anomaly."""

from django.db.models import TextChoices


class Disposition(TextChoices):
    OPEN = "open", "To be reviewed"
    LEGITIMATE = "legitimate", "Legitimate"
    CORRECTED = "corrected", "An error, corrected"
    ESCALATED = "escalated", "Escalated"
