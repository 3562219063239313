"""FQL as text: reading queries written in Python or JavaScript style, and writing queries and results in either.

The command line, the dashboard and the pytest plugin use it. Nothing here talks to a database.
"""
