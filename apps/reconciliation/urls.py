from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from apps.reconciliation import views
from apps.reconciliation.api import breaks, groups, rules, runs

app_name = "reconciliation"

router = SimpleRouter(trailing_slash=False)
router.register("match-types", rules.MatchTypeView, basename="reconciliation-match-type")
router.register("runs", runs.RunView, basename="reconciliation-run")
router.register("groups", groups.GroupView, basename="reconciliation-group")
router.register("breaks", breaks.BreakView, basename="reconciliation-break")
router.register("corrections", breaks.CorrectionView, basename="reconciliation-correction")
router.register("resolution-rules", rules.ResolutionView, basename="reconciliation-resolution-rule")

urlpatterns = [
    path("breaks/", views.breaks_page, name="breaks"),
    path("breaks/queue/", views.queue_page, name="queue"),
    path("breaks/<int:break_id>/assign/", views.assign, name="assign"),
    path("breaks/<int:break_id>/", views.break_page, name="break"),
    re_path(
        r"^breaks/(?P<break_id>[0-9]{1,18})/(?P<verb>explain|accept|reopen)/$",
        views.review,
        name="review",
    ),
    re_path(
        r"^breaks/(?P<break_id>[0-9]{1,18})/change/(?P<verb>correct|force|split|write-off)/$",
        views.revise_break,
        name="revise-break",
    ),
    re_path(
        r"^reconciliations/(?P<run_id>[0-9]{1,18})/matches/(?P<number>[0-9]{1,9})/"
        r"(?P<verb>unmatch|permit)/$",
        views.revise_group,
        name="revise-group",
    ),
    path("reconciliations/", views.runs_page, name="runs"),
    path("reconciliations/rules/<int:match_type_id>/", views.rules_page, name="rules"),
    path("reconciliations/rules/<int:match_type_id>/change/", views.change, name="change-rules"),
    path(
        "reconciliations/rules/<int:match_type_id>/learned/", views.learned, name="propose-learned"
    ),
    path("reconciliations/rules/<int:match_type_id>/terms/", views.terms, name="terms"),
    path("reconciliations/rules/<int:match_type_id>/small/", views.resolution, name="resolution"),
    path("reconciliations/start/", views.start, name="start"),
    path("reconciliations/<int:run_id>/", views.run_page, name="run"),
    path("reconciliations/<int:run_id>/statement/", views.statement_page, name="statement"),
    re_path(
        r"^reconciliations/(?P<run_id>[0-9]{1,18})/certify/(?P<part>prepared|reviewed)/$",
        views.certify,
        name="certify",
    ),
    path("reconciliations/<int:run_id>/approval/", views.ask_for_approval, name="submit"),
    path("reconciliations/<int:run_id>/matches/", views.groups_page, name="groups"),
    path("reconciliations/<int:run_id>/matches/<int:number>/", views.group_page, name="group"),
    path("api/reconciliation/start", runs.StartView.as_view(), name="reconciliation-start"),
    path("api/reconciliation/status", runs.StatusView.as_view(), name="reconciliation-status"),
    path("api/reconciliation/", include(router.urls)),
]
