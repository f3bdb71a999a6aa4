"""Plots of reports as SVG, each with a title, a description and a table beside it."""
