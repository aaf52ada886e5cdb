"""What the arguments ask for, and the names that several commands share."""

from collections.abc import Callable
from typing import Annotated, Literal

import typer
from attrs import define

Job = Callable[[], int]


@define
class Choice:
    """What the arguments ask for: typer's `context.obj`, in which a command leaves its job."""

    job: Job | None = None


Region = Annotated[
    Literal["us", "eu"] | None,
    typer.Option(help="Cobalt's data centre, whatever COBALT_BASE_URL says; else COBALT_REGION."),
]
BaseUrl = Annotated[str | None, typer.Option(metavar="URL", help="Where the API is; else COBALT_BASE_URL.")]
