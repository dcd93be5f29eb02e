from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('carts', '0002_standard_delivery'),
    ]

    operations = [
        migrations.AddField(
            model_name='cart',
            name='restored_orders',
            field=models.CharField(blank=True, editable=False, max_length=99, verbose_name='restored orders'),
        ),
        migrations.AddField(
            model_name='cartitem',
            name='is_restored',
            field=models.BooleanField(default=False, editable=False),
        ),
    ]
