"""micore: inventory for marketplace sellers."""
