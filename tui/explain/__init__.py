"""How a convolution works: the arithmetic, and the pictures of it."""
