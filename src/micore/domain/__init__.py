"""What a shop is, without any clock, environment or I/O."""
