"""`kb` with the fake encoder in the model's place, as a process of its own: to be killed.

Run as `python -m tests.store_process HOME COMMAND ...`; KB_STORE names the store.
"""

from __future__ import annotations

import sys

import index.encoder
from tests.fakes import HashEncoder

if __name__ == "__main__":
    index.encoder.load_encoder = lambda *_: HashEncoder()
    from web.cli import main

    main(["--home", sys.argv[1], *sys.argv[2:]])
