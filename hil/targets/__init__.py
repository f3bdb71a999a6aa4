"""The order of steps for each kind of device."""
