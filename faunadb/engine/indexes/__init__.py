"""Indexes: definitions, the order of their entries, entries of document versions, builds."""
