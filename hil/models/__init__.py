"""What a .tflite is: verified, read, counted and labelled, without running it."""
