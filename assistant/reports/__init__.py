"""HTML reports: one on an index, one on an evaluation."""
