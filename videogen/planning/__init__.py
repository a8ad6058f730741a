"""Which shots are rendered, with which request; and what queues them."""
