"""Changes to the admin of other packages, and the admins of the models in core."""

from django.contrib import admin
from django_tasks_db.models import DBTaskResult

import core.guarantee.admin  # noqa: F401 - registers its admin; the package core.admin has only base classes

admin.site.unregister(DBTaskResult)  # rows say what is due; a task that failed is in the log
