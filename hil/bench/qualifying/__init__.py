"""Qualification: what is observed on a device, and what is held against its limits."""
