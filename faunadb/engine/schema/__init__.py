"""The schema: native collections, one module each, and the view that queries resolve names in."""
