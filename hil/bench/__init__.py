"""Plan to jobs, jobs to records, records to results."""
