from django.urls import path

from apps.operations import api_docs, views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("metrics", views.metrics, name="metrics"),
    path("api/schema", api_docs.api_schema, name="api-schema"),
    path("api/docs", api_docs.api_docs, name="api-docs"),
]
