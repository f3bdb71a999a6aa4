"""Two runs held against each other, row by row, figure by figure."""
