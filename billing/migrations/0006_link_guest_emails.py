from django.db import migrations


def link_guest_emails(apps, schema_editor):
    """Link the profiles of guests with their guest emails: those with the same email that are closest in time."""
    entered = {}
    for pk, email, timestamp in apps.get_model("accounts", "GuestEmail").objects.values_list("pk", "email", "timestamp"):
        entered.setdefault(email, []).append((timestamp, pk))
    profiles = apps.get_model("billing", "BillingProfile").objects.filter(user=None).exclude(email="")
    batch = []
    for profile in profiles.only("pk", "email", "timestamp").iterator(chunk_size=1000):
        rows = entered.get(profile.email)
        if rows:
            profile.guest_email_id = min(rows, key=lambda row: abs(row[0] - profile.timestamp))[1]
            batch.append(profile)
    profiles.model.objects.bulk_update(batch, ["guest_email"], batch_size=500)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0005_guest_email'),
    ]

    operations = [
        migrations.RunPython(link_guest_emails, migrations.RunPython.noop),
    ]
