"""Quantization-aware training in a child process, held against plain quantization."""
