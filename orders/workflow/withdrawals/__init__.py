"""Withdrawals from contracts: declaring, matching with orders, the period, and what staff do about them."""
