"""Models as C: arrays and operator resolvers for TFLite Micro."""
