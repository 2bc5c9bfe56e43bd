from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.analytics import api, views

app_name = "analytics"

router = SimpleRouter(trailing_slash=False)
router.register("anomalies", api.AnomalyView, basename="analytics-anomaly")
router.register("scorings", api.ScoringView, basename="analytics-scoring")

urlpatterns = [
    path("anomalies/", views.anomalies_page, name="anomalies"),
    path("anomalies/<int:score_id>/", views.anomaly_page, name="anomaly"),
    path("api/analytics/score", api.ScoreView.as_view(), name="analytics-score"),
    path("api/analytics/", include(router.urls)),
]
