"""What logs and `results.txt` of MLPerf Tiny's runners state in words."""

from __future__ import annotations

import re

_FIGURE = r"([0-9]+(?:\.[0-9]+)?)"
# As mlcommons/tiny's submission checker reads them; the last match counts.
_STATED = {
    "median_throughput": re.compile(rf"Median throughput is\s+{_FIGURE} inf\./sec"),
    "median_energy_uj": re.compile(rf"Median energy cost is\s+{_FIGURE} uJ/inf"),
    "top1": re.compile(rf"Top(?:-1:| 1% =)\s*{_FIGURE}"),
    "auc": re.compile(rf"AUC(?::| =)\s*{_FIGURE}"),
    "true_positives": re.compile(rf"Accuracy: {_FIGURE} True positives"),
    "false_negatives": re.compile(rf"{_FIGURE} False negatives"),
    "false_positives": re.compile(rf"{_FIGURE} False positives"),
    "duty_cycle": re.compile(rf"Average duty cycle: {_FIGURE}"),
    "period_seconds": re.compile(rf"Average period: {_FIGURE} s"),
    "streaming_throughput": re.compile(rf"Estimated throughput: {_FIGURE} inf\./sec"),
    "audio_seconds": re.compile(rf"== File \S+ \({_FIGURE} s\) =="),
}


def stated_figures(text: str) -> dict[str, float]:
    """Return the figures that *text* states, by the names of MlperfRun.stated."""
    found = {name: pattern.findall(text) for name, pattern in _STATED.items()}
    return {name: float(figures[-1]) for name, figures in found.items() if figures}
