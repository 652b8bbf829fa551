"""Reports in, passages out: reading, outline, passages. Knows no model, no index, no web."""
