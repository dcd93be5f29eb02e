"""Changes to the admin of other packages."""

from django.contrib import admin
from django_tasks_db.models import DBTaskResult

admin.site.unregister(DBTaskResult)  # rows say what is due; a task that failed is in the log
