"""What the program tells about itself: metrics and logs."""
