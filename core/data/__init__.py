"""Data sets, on the device as uint8, and how batches are made of them."""
