"""hil: how a TFLite model really behaves on the device it will ship on."""

__version__ = "0.1.0"
