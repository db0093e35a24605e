"""Console and JSON views of result dataclasses; no logic."""
