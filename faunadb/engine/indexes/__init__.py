"""Indexes: what defines them, the entries that documents have in them, the order of these, and building new ones."""
