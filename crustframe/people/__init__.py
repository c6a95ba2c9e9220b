"""Who a cell names, what came back about them, and whether it is them."""
