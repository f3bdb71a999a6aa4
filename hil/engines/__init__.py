"""Inference on the host: LiteRT, LiteRT's reference kernels and TFLite Micro."""
