from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "apps.identity"
    label = "identity"
    verbose_name = "People and entities"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_migrate

        from apps.identity.adapters import listen_to_second_factors
        from apps.identity.groundwork import lay_groundwork

        post_migrate.connect(lay_groundwork, sender=self, dispatch_uid="identity.groundwork")
        listen_to_second_factors()
        # Django would update the user's row on its own, which the database refuses without an
        # audit event; `AccountAdapter.login` does both.
        user_logged_in.disconnect(dispatch_uid="update_last_login")
