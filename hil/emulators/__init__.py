"""Emulated devices: processes of their own that any client may talk to."""
