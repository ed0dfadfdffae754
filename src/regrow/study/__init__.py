"""Studies of what decides how well pictures regrow, and of what people think of them."""
