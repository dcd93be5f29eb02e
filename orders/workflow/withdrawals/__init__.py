"""Withdrawal from a contract: declaring, matching with orders, and the period."""
