from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.ledger import api, views

app_name = "ledger"

router = SimpleRouter(trailing_slash=False)
router.register("accounts", api.AccountView, basename="ledger-account")
router.register("periods", api.PeriodView, basename="ledger-period")
router.register("reopenings", api.ReopeningView, basename="ledger-reopening")
router.register("entries", api.EntryView, basename="ledger-entry")
router.register("analyses", api.AnalysisView, basename="ledger-analysis")
router.register("analysis-thresholds", api.ThresholdView, basename="ledger-analysis-threshold")

urlpatterns = [
    path("api/ledger/", include(router.urls)),
    path("api/ledger/trial-balance", api.TrialBalanceView.as_view(), name="ledger-trial-balance"),
    path("api/ledger/balances", api.AccountBalancesView.as_view(), name="ledger-balances"),
    path("journal/", views.entries_page, name="entries"),
    path("journal/new/", views.new_entry, name="new-entry"),
    path("journal/rows/", views.rows_part, name="entry-rows"),
    path("journal/<int:entry_id>/", views.entry_page, name="entry"),
    path("journal/<int:entry_id>/edit/", views.edit_entry, name="edit-entry"),
    path("journal/<int:entry_id>/<slug:step>/", views.take_step, name="entry-step"),
    path("analyses/", views.analyses_page, name="analyses"),
    path("analyses/new/", views.analyse, name="analyse"),
    path("analyses/rows/", views.items_part, name="analysis-rows"),
    path("analyses/export/", views.export_analyses, name="export-analyses"),
    path("analyses/<int:analysis_id>/", views.analysis_page, name="analysis"),
    path("analyses/<int:analysis_id>/<slug:step>/", views.take_analysis_step, name="analysis-step"),
    path("periods/", views.periods_page, name="periods"),
    path("periods/<int:period_id>/", views.period_page, name="period"),
    path("periods/<int:period_id>/reopen/", views.propose_page, name="propose-reopening"),
    path("periods/reopenings/<int:reopening_id>/", views.reopening_page, name="reopening"),
    path(
        "periods/reopenings/<int:reopening_id>/<slug:step>/",
        views.take_reopening_step,
        name="reopening-step",
    ),
    path("trial-balance/", views.trial_balance_page, name="trial-balance"),
]
