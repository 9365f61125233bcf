"""Sessions, transactions, pools: everything between a user and an adapter."""
