"""Float .tflite models made smaller without TensorFlow, and read back to prove it."""
