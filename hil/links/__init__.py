"""Pipes of bytes to devices; none of them knows the messages that it carries."""
