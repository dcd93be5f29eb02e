"""A bare Django site to compare with: each page runs one query and sends as many bytes as the shop's page."""
