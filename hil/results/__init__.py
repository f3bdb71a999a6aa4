"""Records on disk: a run folder that is the truth about one run."""
