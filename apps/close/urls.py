from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.close import api, views

app_name = "close"

router = SimpleRouter(trailing_slash=False)
router.register("templates", api.TemplateView, basename="close-template")
router.register("runs", api.RunView, basename="close-run")
router.register("tasks", api.TaskView, basename="close-task")

urlpatterns = [
    path("close/", views.board, name="board"),
    path("close/runs/<int:run_id>/", views.run, name="run"),
    path("close/tasks/<int:task_id>/", views.task, name="task"),
    path("close/tasks/<int:task_id>/complete/", views.complete, name="complete"),
    path("close/tasks/<int:task_id>/retry/", views.retry, name="retry"),
    path("close/periods/<int:period_id>/start/", views.start, name="start"),
    path("api/close/", include(router.urls)),
]
