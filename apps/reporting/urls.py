from django.urls import path

from apps.reporting import api, views

app_name = "reporting"

urlpatterns = [
    path("reconciliations/<int:run_id>/report/", views.run_report, name="run-report"),
    path(
        "api/reporting/runs/<int:run_id>/report",
        api.RunReportView.as_view(),
        name="reporting-run-report",
    ),
]
