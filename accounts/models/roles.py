"""Which roles the shop has made, so that it makes each one only once."""

from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.Model):
    """A group of permissions that the shop made.

    The group can be renamed, changed and deleted. `granted` lists what the shop has given it, so that a permission that
    somebody took away is not given again.
    """

    name = models.CharField(_("name"), max_length=40, unique=True)
    group = models.OneToOneField(Group, models.SET_NULL, null=True, related_name="role", verbose_name=_("group"))
    granted = models.JSONField(_("granted"), default=list)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")

    def __str__(self) -> str:
        return self.name
