"""Run folders indexed in SQL: to list, filter and compare; never the only copy."""
