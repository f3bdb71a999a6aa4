"""The search for the best variant of a model, with the device as judge."""
