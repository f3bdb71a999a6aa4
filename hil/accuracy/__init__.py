"""What a model answers, held against what is right: datasets, inputs and metrics."""
