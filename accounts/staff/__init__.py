"""What applies to members of staff only: roles, sessions, the second factor and notices of their sign-ins."""
