"""Background work, in small writes: building indexes, and removing what is deleted, expired or past its retention.

worker       the thread that does the work
maintenance  doing the tasks that transactions leave (`schema.tasks`)
building     one of these tasks: building an index
sweeping     removing what nobody can read any more
keeper       what this work knows of the engine
"""
