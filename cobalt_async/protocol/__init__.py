"""What we ask and what answers mean: pure, without I/O, clock or HTTP library."""
