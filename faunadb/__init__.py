"""FQL v4 for applications that still speak it: a driver, and the database behind it."""

__title__ = "faunadb"
__version__ = "4.6.0"
