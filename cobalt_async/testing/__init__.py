"""CobaltSandbox: Cobalt's token endpoints over real HTTP, for the tests of whoever builds on them."""

from .clock import Clock
from .faults import Faults, PendingFault
from .limits import RateLimit
from .messages import SeenRequest
from .population import Population, populate
from .sandbox import CobaltSandbox
from .world import SandboxToken, SandboxUser

__all__ = [
    "Clock",
    "CobaltSandbox",
    "Faults",
    "PendingFault",
    "Population",
    "RateLimit",
    "SandboxToken",
    "SandboxUser",
    "SeenRequest",
    "populate",
]
