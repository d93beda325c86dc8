"""HTML pages about an index and about an evaluation."""
