"""Kang et al. 2022: winning subnetworks forget nothing in a fifth of the network's bits."""
