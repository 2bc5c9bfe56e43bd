from typing import Final

from apps.common.roles import CONTROLLER, INTEGRATION, PREPARER, READERS, REVIEWER

VIEW_ANOMALIES: Final = "analytics.view_anomalies"
SCORE_PERIOD: Final = "analytics.score_period"
REVIEW_ANOMALY: Final = "analytics.review_anomaly"

HOLDERS = {
    VIEW_ANOMALIES: READERS,
    SCORE_PERIOD: (PREPARER, CONTROLLER, INTEGRATION),
    REVIEW_ANOMALY: (REVIEWER, CONTROLLER),
}
