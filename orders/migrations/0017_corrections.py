"""Add corrections and notes of staff, and copies of emails that are sent again."""

import django.db.models.deletion
from django.db import migrations, models

from core.database.operations import AddFieldInPlace


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0016_order_without_tracking'),
    ]

    reviewed = {
        "constraint": "They are weaker than those that they replace, so that the previous version cannot break them. "
        "The tables have a few rows for each order, so that the lock is short."
    }

    operations = [
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='corrections', to='orders.order', verbose_name='order')),
                ('kind', models.CharField(choices=[('shipping', 'Shipping address'), ('billing', 'Billing address'), ('email', 'Email'), ('tracking', 'Tracking number')], max_length=20, verbose_name='kind')),
                ('old', models.TextField(blank=True, verbose_name='before')),
                ('new', models.TextField(blank=True, verbose_name='corrected')),
                ('by', models.CharField(blank=True, max_length=254, verbose_name='by')),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='time')),
            ],
            options={
                'verbose_name': 'correction',
                'verbose_name_plural': 'corrections',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='OrderNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='orders.order', verbose_name='order')),
                ('text', models.TextField(blank=True, max_length=2000, verbose_name='note')),
                ('by', models.CharField(blank=True, max_length=254, verbose_name='by')),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='time')),
            ],
            options={
                'verbose_name': 'note',
                'verbose_name_plural': 'notes',
                'ordering': ['-pk'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='mail',
            name='mail_once_about_an_order',
        ),
        migrations.RemoveConstraint(
            model_name='withdrawalmail',
            name='withdrawal_mail_once',
        ),
        AddFieldInPlace(
            model_name='mail',
            name='copy',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='0 is the first one; others were sent again.', verbose_name='copy'),
        ),
        AddFieldInPlace(
            model_name='withdrawalmail',
            name='copy',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='0 is the first one; others were sent again.', verbose_name='copy'),
        ),
        migrations.AlterField(
            model_name='orderevent',
            name='kind',
            field=models.CharField(choices=[('placed', 'Order placed'), ('paying', 'Payment started'), ('needs_action', 'Your bank asked you to confirm'), ('declined', 'Payment failed'), ('paid', 'Paid'), ('canceling', 'Cancellation requested'), ('canceled', 'Order cancelled'), ('part_shipped', 'Part of the order shipped'), ('shipped', 'Order shipped'), ('unshipped', 'Items are left to ship again'), ('delivered', 'Delivered'), ('mailed', 'Confirmation sent by email'), ('withdrawn', 'Withdrawal received'), ('refunding', 'Refund requested'), ('refunded', 'Refunded'), ('refund_failed', 'The refund failed; our staff are looking into it'), ('mismatch', 'We received a payment that does not match this order and are refunding it'), ('inquiry', 'The bank asked about the payment'), ('disputed', 'The payment was disputed with the bank'), ('dispute_updated', "The bank's case about the payment was updated"), ('dispute_closed', "The bank's case about the payment was closed"), ('told_staff', 'Our staff were asked to check this order'), ('looked_at', 'Our staff checked this order'), ('corrected', 'Our staff corrected this order'), ('mailed_again', 'An email was sent again'), ('links_revoked', 'Links in earlier emails no longer open this order'), ('forgotten', 'Name, email and address were removed')], max_length=20, verbose_name='kind'),
        ),
        migrations.AddConstraint(
            model_name='mail',
            constraint=models.UniqueConstraint(fields=('order', 'kind', 'about', 'copy'), name='mail_once_about_an_order'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalmail',
            constraint=models.UniqueConstraint(fields=('withdrawal', 'kind', 'copy'), name='withdrawal_mail_once'),
        ),
    ]
