"""What figures are worth: order statistics, bootstrap, drift, modes, warm-up; pure."""
