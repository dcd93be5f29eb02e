"""Check the new migrations, or release them: `python -m tests.migration_lint [--release]`."""

import argparse
import os
import sys

import django


def main() -> int:
    """Print the findings and return 1 if there are any. With `--release`, list all migrations as released if not."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
    django.setup()
    from tests.migration_lint import released, rules

    parser = argparse.ArgumentParser(prog="python -m tests.migration_lint", description=__doc__)
    parser.add_argument("--release", action="store_true", help="list all migrations as released")
    is_release = parser.parse_args().release
    findings = [*released.changed(), *rules.check_new_migrations(released.names())]
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if is_release and not findings:
        sys.stdout.write(f"{released.release()} migrations are released.\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
