"""What the server that runs are forked from imports, once for all of them."""

from bench.runner.left_out import leaving_out

with leaving_out():
    import bench.executor.child  # noqa: F401
