"""Credentials in: an inventory as CSV or JSONL, read lazily, and the secrets that its rows refer to."""

from .reading import BadRow, Inventory, read_inventory

__all__ = ["BadRow", "Inventory", "read_inventory"]
