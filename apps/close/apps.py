from django.apps import AppConfig


class CloseConfig(AppConfig):
    name = "apps.close"
    label = "close"
    verbose_name = "Close"

    def ready(self) -> None:
        from apps.close.handlers import register_handlers
        from apps.close.permissions import VIEW_CLOSE
        from apps.common.navigation import add_entry

        register_handlers()
        add_entry(10, "Close", "close:board", VIEW_CLOSE)
