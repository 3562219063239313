"""The header ``X-Driver-Env``: tells servers where the driver runs."""

from __future__ import annotations

import os
import sys

from faunadb import __version__

_HOSTS_BY_VARIABLE = (
    ("NETLIFY_IMAGES_CDN_DOMAIN", "Netlify"),
    ("VERCEL", "Vercel"),
)
_HOSTS_BY_LATER_VARIABLE = (
    ("AWS_LAMBDA_FUNCTION_VERSION", "AWS Lambda"),
    ("GOOGLE_CLOUD_PROJECT", "GCP Compute Instances"),
    ("WEBSITE_FUNCTIONS_AZUREMONITOR_CATEGORIES", "Azure Cloud Functions"),
)


class RuntimeEnvHeader:
    """The value of ``X-Driver-Env``: ``str()`` gives it, in lower case."""

    def __init__(self) -> None:
        version = sys.version_info
        self.pythonVersion = f"{version.major}.{version.minor}.{version.micro}-{version.releaselevel}"
        self.driverVersion = __version__
        self.env = self.getRuntimeEnv()
        self.os = _os()

    def getRuntimeEnv(self) -> str:
        """Return the name of the host that this process runs on, ``"Unknown"`` for any other."""
        return _host()

    def __str__(self) -> str:
        driver = f"driver=python-{self.driverVersion}; runtime=python-{self.pythonVersion}"
        return f"{driver} env={self.env}; os={self.os}".lower()


def _os() -> str:
    """Name and release of the operating system."""
    if hasattr(os, "uname"):
        system = os.uname()
        return f"{system.sysname}-{system.release}"
    import platform  # late: slow to load, and needed on Windows only

    return f"{platform.system()}-{platform.release()}"


def _host() -> str:
    for variable, host in _HOSTS_BY_VARIABLE:
        if variable in os.environ:
            return host
    if ".heroku" in os.environ.get("PATH", ""):
        return "Heroku"
    if "google" in os.environ.get("_", ""):
        return "GCP Cloud Functions"
    for variable, host in _HOSTS_BY_LATER_VARIABLE:
        if variable in os.environ:
            return host
    if "WEBSITE_INSTANCE_ID" in os.environ and os.environ.get("ORYX_ENV_TYPE") == "AppService":
        return "Azure Compute"
    return "Unknown"
