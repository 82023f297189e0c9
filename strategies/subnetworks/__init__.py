"""One subnetwork for each task."""
