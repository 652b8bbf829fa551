"""Passages in, hits out: vectors, words, ranking, and one verified index on disk."""

import os

# onnxruntime asks its maker's server to take a note of every use, unless told before it is loaded
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
