"""Withdrawals from contracts: the period, and what staff do about declarations."""
