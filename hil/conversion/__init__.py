"""Keras, SavedModel and GraphDef to .tflite by TensorFlow, which runs in a child."""
