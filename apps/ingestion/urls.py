from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.ingestion import api, views

app_name = "ingestion"

router = SimpleRouter(trailing_slash=False)
router.register("sources", api.SourceView, basename="ingestion-source")
router.register("batches", api.BatchView, basename="ingestion-batch")
router.register("rejected-lines", api.RejectedLineView, basename="ingestion-rejected-line")
router.register("amendments", api.AmendmentView, basename="ingestion-amendment")
router.register("failed-imports", api.FailedImportView, basename="ingestion-failed-import")

urlpatterns = [
    path("api/transactions/upload", api.UploadView.as_view(), name="ingestion-upload"),
    path("api/ingestion/", include(router.urls)),
    path("sources/", views.sources_page, name="sources"),
    path("sources/upload/", views.upload, name="upload"),
    path("sources/<int:source_id>/", views.source_page, name="source"),
    path("sources/files/<int:batch_id>/", views.batch_page, name="batch"),
    path("sources/refused/<int:failure_id>/", views.failure_page, name="failure"),
]
