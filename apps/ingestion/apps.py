from django.apps import AppConfig


class IngestionConfig(AppConfig):
    name = "apps.ingestion"
    label = "ingestion"
    verbose_name = "Ingestion"

    def ready(self) -> None:
        from apps.common.navigation import add_entry
        from apps.ingestion.permissions import VIEW_SOURCES

        add_entry(70, "Sources", "ingestion:sources", VIEW_SOURCES)
