"""The products of the shop, read from its table."""

from django.db import models


class Product(models.Model):
    """A product with the columns that the pages show."""

    title = models.CharField(max_length=150)
    slug = models.SlugField(max_length=120)
    description = models.TextField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
    timestamp = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "products_product"

    def __str__(self) -> str:
        return self.title
