"""Passages in, hits out: vectors, words, ranking, and one verified index on disk."""
