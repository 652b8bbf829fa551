"""A cluster of two machines of one processor each, all on this one; a line on stdin ends one.

Prints its address. The end of stdin ends it.
"""

from __future__ import annotations

import os
import sys
from typing import Any

# a machine is taken for lost after three seconds, in place of thirty
os.environ.update(RAY_health_check_period_ms="1000", RAY_health_check_failure_threshold="3")


def main() -> None:
    """Start, tell the address, wait for orders."""
    from ray.cluster_utils import Cluster

    size: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 1 << 28}
    cluster = Cluster(initialize_head=True, head_node_args={**size, "include_dashboard": False})
    other = cluster.add_node(**size)
    try:
        print(cluster.address, flush=True)
        if sys.stdin.readline():
            cluster.remove_node(other, allow_graceful=False)
            print("lost", flush=True)
            sys.stdin.readline()
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
