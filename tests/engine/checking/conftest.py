"""The places of the storage's tests."""

from tests.engine.storage.conftest import shared_place

__all__ = ["shared_place"]
