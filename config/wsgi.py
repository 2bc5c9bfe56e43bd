"""The door for granian."""

import gc
import os

from django.core.wsgi import get_wsgi_application

from config.checks import refuse_to_start_misconfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")

refuse_to_start_misconfigured()

application = get_wsgi_application()

# What is loaded stays: to look through it for garbage takes a third of a second, in some request.
gc.collect()
gc.freeze()
