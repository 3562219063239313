"""Packaging of faunadb. The version is read from ``faunadb/__init__.py``, which names it once."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent


def read_version() -> str:
    """Return ``__version__`` of the package without importing it, and so without its dependencies."""
    source = (HERE / "faunadb" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__(?:\s*:\s*str)?\s*=\s*"([^"]+)"', source, re.MULTILINE)
    if match is None:
        raise RuntimeError("faunadb/__init__.py names no __version__")
    return match.group(1)


def read_text(name: str) -> str:
    path = HERE / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


# The driver itself, and what the engine in the application's own process cannot do without.
INSTALL_REQUIRES = [
    "requests>=2.32.2",
    "urllib3>=1.26",
    "iso8601>=1.1",
    "regex>=2023.6.3",
    "bcrypt>=4.0",
]

EXTRAS = {
    # Before 2.8 granian may hang when it stops; 2.5 is the last one for Python 3.9.
    "server": [
        'granian>=2.8; python_version >= "3.10"',
        'granian>=2.5; python_version < "3.10"',
        # granian takes it where it is installed: a fifth to a quarter less CPU time per query than asyncio's loop.
        'uvloop>=0.21; python_version >= "3.10" and sys_platform != "win32" and implementation_name == "cpython"',
        "click>=8.1",
    ],
    "postgres": ["psycopg[binary]>=3.1.18"],
    "cli": ["click>=8.1", "rich>=13.7", "prompt_toolkit>=3.0.43", "pygments>=2.15"],
    "otel": ["opentelemetry-api>=1.20"],
    "jwt": ["cryptography>=42"],
}
RUNTIME = sorted({requirement for extra in EXTRAS.values() for requirement in extra})

EXTRAS["test"] = [
    *RUNTIME,
    "pytest>=7.4",
    "pytest-timeout>=2.2",
    "pytest-xdist>=3.5",
    "python-dateutil>=2.8",
    "responses>=0.24",
    "hypothesis>=6.90",
    "httpx[http2]>=0.27",
    "playwright>=1.49",
    "axe-playwright-python>=0.1.4",
    "opentelemetry-sdk>=1.20",
    "trustme>=1.1",
    "pexpect>=4.9",
    "mypy>=1.11",
    'import-linter>=2.17; python_version >= "3.11"',
]
EXTRAS["docs"] = [
    *RUNTIME,
    "sphinx>=7.1",
    "myst-parser>=2.0",
    "furo>=2024.1.29",
]
EXTRAS["lint"] = [
    "build>=1.0",
    "twine>=5.0",
    "ruff>=0.6",
    "mypy>=1.11",
    "types-requests",
    'import-linter>=2.17; python_version >= "3.11"',
]
EXTRAS["all"] = RUNTIME

setup(
    name="faunadb",
    version=read_version(),
    description="FQL v4 for applications that still speak it: the driver, and the database behind it",
    long_description=read_text("README.md"),
    long_description_content_type="text/markdown",
    license="MPL-2.0",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.9",
    packages=find_packages(include=["faunadb", "faunadb.*"]),
    package_data={"faunadb": ["py.typed", "engine/java/collation.dat", "dashboard/*", "dashboard/**/*"]},
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": ["faunadb = faunadb.cli:main"],
        "pytest11": ["faunadb = faunadb.testing"],
    },
    zip_safe=False,
    keywords=["faunadb", "fauna", "fql", "database", "driver", "sqlite", "postgresql"],
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Intended Audience :: Developers",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Database",
        "Topic :: Database :: Database Engines/Servers",
        "Topic :: Database :: Front-Ends",
        "Typing :: Typed",
    ],
)
