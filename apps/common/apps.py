from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "apps.common"
    label = "common"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from apps.common import checks  # noqa: F401  (registers the system checks)
        from apps.common.guards import install_guards

        post_migrate.connect(install_guards, dispatch_uid="common.install_guards")
