"""FQL as people write and read it: texts in Python and JavaScript style, and values and queries shown in either.

Command line, dashboard and the pytest plugin read their texts here; nothing in it talks to a database.
"""
