"""Firmware: rendered, built, flashed and started."""
