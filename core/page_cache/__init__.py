"""The cache of whole pages that all visitors share."""
