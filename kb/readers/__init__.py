"""One module a format: bytes in, a `Reading` out. Each heavy library is imported in one of them."""
