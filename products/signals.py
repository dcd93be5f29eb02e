"""Signal receivers for products: slugs, opening stock and unused image files."""

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver

from core.page_cache.versions import collect_touches
from core.slugs import unique_slug
from products.images.mixin import ImageMixin, delete_files_on_commit
from products.models import Picture, Product, Spelling, StockMovement
from products.models.listing import follow


@receiver(pre_save, sender=Product, dispatch_uid="product_slug")
def set_slug(sender: type[Product], instance: Product, raw: bool = False, **kwargs: Any) -> None:
    """Set a unique slug from the title. Keep it when the title changes."""
    if not raw and not instance.slug:
        instance.slug = unique_slug(instance, instance.title)


@receiver(pre_save, sender=Product, dispatch_uid="product_words")
def set_words(sender: type[Product], instance: Product, raw: bool = False, **kwargs: Any) -> None:
    """Set the words of a product from a fixture, which does not go through `Product.save`."""
    if raw:
        instance.set_words()


@receiver(pre_delete, sender=Product, dispatch_uid="product_listing_deletion")
def follow_deletion(sender: type[Product], instance: Product, **kwargs: Any) -> None:
    """Let lists follow a product that is deleted, also together with other rows."""
    with collect_touches() as touches:
        follow(touches, sender, Product.objects.filter(pk=instance.pk).lock())


@receiver([pre_save, post_save], sender=Product, dispatch_uid="product_listing_fixture")
def follow_fixture(sender: type[Product], instance: Product, raw: bool = False, **kwargs: Any) -> None:
    """Let lists follow a product from a fixture, which does not go through `Product.save`."""
    if raw:
        before: dict[int, Any] = instance.__dict__.pop("stored_group", {})
        with collect_touches() as touches:
            instance.__dict__["stored_group"] = found = Product.objects.filter(pk=instance.pk).lock()
            follow(touches, sender, before)
            follow(touches, sender, found)


@receiver(post_save, sender=Product, dispatch_uid="product_opening_stock")
def record_opening_stock(
    sender: type[Product], instance: Product, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    """Record the initial stock of a new product as its first stock movement."""
    if created and not raw and instance.stock:
        StockMovement.objects.create(product=instance, kind=StockMovement.Kind.OPENING, amount=instance.stock)


@receiver(post_save, sender=Product, dispatch_uid="product_spelling")
def learn_spelling(sender: type[Product], instance: Product, **kwargs: Any) -> None:
    """Store the words of the title, by which the search corrects misspelled words."""
    if "title" not in instance.get_deferred_fields():
        Spelling.objects.learn([instance.title])


@receiver(post_delete, sender=Product, dispatch_uid="product_picture_files")
@receiver(post_delete, sender=Picture, dispatch_uid="picture_picture_files")
def delete_image_files(sender: type[ImageMixin], instance: ImageMixin, **kwargs: Any) -> None:
    """Delete the image files of a deleted row, unless another row uses them."""
    delete_files_on_commit(instance.image)
