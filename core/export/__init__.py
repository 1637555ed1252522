"""Runs taken elsewhere: CSV, JSON, TensorBoard, an HTML report, weights. This page imports nothing."""
