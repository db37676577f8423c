"""The rules of the cloud: no input or output, no clock, nothing random."""
