"""Command lines of TOCO and tflite_convert: what they meant and what they mean now."""
