"""Results to documents; pure."""
