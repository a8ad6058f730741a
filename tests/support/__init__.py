"""What tests share: factories, servers, clients, tables."""
