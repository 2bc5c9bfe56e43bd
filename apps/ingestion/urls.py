from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.ingestion import views
from apps.ingestion.api import corrections, files, mappings, pulls

app_name = "ingestion"

router = SimpleRouter(trailing_slash=False)
router.register("sources", pulls.SourceView, basename="ingestion-source")
router.register("batches", files.BatchView, basename="ingestion-batch")
router.register("rejected-lines", corrections.RejectedLineView, basename="ingestion-rejected-line")
router.register("corrections", corrections.LineCorrectionView, basename="ingestion-correction")
router.register("amendments", files.AmendmentView, basename="ingestion-amendment")
router.register("failed-imports", files.FailedImportView, basename="ingestion-failed-import")
router.register("pulls", pulls.PullView, basename="ingestion-pull")

urlpatterns = [
    path("api/transactions/upload", files.UploadView.as_view(), name="ingestion-upload"),
    path(
        "api/ingestion/sources/<int:pk>/mapping/preview",
        mappings.MappingPreviewView.as_view(),
        name="ingestion-mapping-preview",
    ),
    path("api/ingestion/", include(router.urls)),
    path("sources/", views.sources_page, name="sources"),
    path("sources/upload/", views.upload, name="upload"),
    path("sources/upload/progress/", views.upload_progress, name="upload-progress"),
    path("sources/<int:source_id>/", views.source_page, name="source"),
    path("sources/<int:source_id>/progress/", views.source_progress, name="source-progress"),
    path("sources/<int:source_id>/mapping/", views.mapping_page, name="mapping"),
    path("sources/<int:source_id>/mapping/form/", views.rows_page, name="mapping-form"),
    path("sources/<int:source_id>/mapping/form/act/", views.act_on_rows, name="mapping-act"),
    path("sources/<int:source_id>/mapping/try/", views.try_mapping, name="try-mapping"),
    path("sources/<int:source_id>/pull/", views.pull, name="pull"),
    path("sources/pulls/<int:pull_id>/retry/", views.retry, name="retry"),
    path("sources/files/<int:batch_id>/", views.batch_page, name="batch"),
    path("sources/files/<int:batch_id>/read-again/", views.reread, name="read-again"),
    path("sources/rejected/<int:line_id>/", views.rejected_line_page, name="rejected-line"),
    path("sources/rejected/<int:line_id>/correct/", views.correct, name="correct"),
    path("sources/refused/<int:failure_id>/", views.failure_page, name="failure"),
]
