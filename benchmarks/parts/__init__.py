"""What the benchmarks share: the stub server, the floor, an installation at scale, figures."""
