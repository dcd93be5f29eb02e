"""The page that copies a product as another variant."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import DeletionAdmin, record_action
from products.copies import copy_as_variant
from products.forms import CopyForm
from products.models import Product


class CopyMixin(DeletionAdmin):
    """Copies a product as another variant of its group."""

    def has_copy_permission(self, request: HttpRequest) -> bool:
        """Whether these staff may copy products. The original changes too if it is in no group."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    def get_urls(self) -> list[Any]:
        """Add the page below the product's URL."""
        view = self.admin_site.admin_view(self.copy_view)
        return [path("<int:pk>/copy/", view, name="products_product_copy"), *super().get_urls()]

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for what differs, copy the product, and open the form of the copy."""
        if not self.has_copy_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            form, copy = self._copy(request, pk)
            if copy:
                text = _("“%(title)s” was added. It is not for sale, and has no stock and no pictures yet.")
                messages.success(request, text % {"title": copy.title})
                return redirect("admin:products_product_change", copy.pk)
        else:
            form = CopyForm(original=get_object_or_404(Product, pk=pk))
        context = {**self.admin_site.each_context(request), "form": form, "original": form.original, "opts": self.opts}
        return render(request, "products/admin/copy.html", context | {"title": _("Copy as variant")})

    def _copy(self, request: HttpRequest, pk: int) -> tuple[CopyForm, Product | None]:
        """Return the form, and the copy if it is valid.

        The SKU is unique, so a form that is sent twice makes one copy. If another request has just stored this SKU,
        validate again, which then sees it.
        """
        try:
            with transaction.atomic():
                return self._copy_locked(request, pk)
        except IntegrityError:
            with transaction.atomic():
                return self._copy_locked(request, pk)

    def _copy_locked(self, request: HttpRequest, pk: int) -> tuple[CopyForm, Product | None]:
        Product.objects.filter(pk=pk).lock()
        original = get_object_or_404(Product.objects.select_for_update(no_key=True), pk=pk)
        form = CopyForm(request.POST, original=original)
        if not form.is_valid():
            return form, None
        of_original = form.of_original()
        copy = copy_as_variant(original, of_original, **form.of_copy())
        record_action(request, [copy], gettext_lazy("Copied from “%(title)s” (%(sku)s)."), **_names(original))
        if of_original:
            record_action(request, [original], gettext_lazy("Put into the group “%(group)s”."), group=original.group)
        return form, copy


def _names(product: Product) -> dict[str, str]:
    return {"title": product.title, "sku": product.sku}
