"""Work behind the queries, in small writes: filling indexes, removing what was deleted, has expired or is past its time.

worker       the thread that does it
maintenance  the tasks that transactions leave (`schema.tasks`)
building     one of them: filling an index
sweeping     what nobody can read any more
keeper       what all of this knows of the engine
"""
