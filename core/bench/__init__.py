"""What this machine does: training side by side with a tutorial's loop, and how near its limits."""
