"""SecretStore: what a place for a secret has to offer."""

from typing import Protocol

from ...secret import Secret


class SecretStore(Protocol):
    """A place where a secret is kept, and where a rotation puts the new one; one's own may be written.

    Every coroutine may raise StoreError, which says what stands in the way, and never a secret.
    """

    async def check(self) -> str | None:
        """Prove that it can be written: a real write, read-back and delete beside the target, which stays untouched.

        It returns the version of what is held now: an opaque text that tells nothing of it and means the same in
        another process. None where it cannot be known.
        """
        ...

    async def read(self) -> Secret | None:
        """What is held now, None where there is nothing; UnreadableStoreError where it can by nature not be read.

        Then a rotation is refused, unless an attribute `trust_exit_code` that is true says that a `write` which
        raises nothing has worked.
        """
        ...

    async def write(self, secret: Secret, expected_version: str | None) -> None:
        """Hold this secret from now on, durably.

        StoreConflictError where what is held now is neither of `expected_version` nor this secret already: then
        nothing was written. None compares nothing. A cancellation comes out when the write has ended.
        """
        ...

    async def describe(self) -> str:
        """The store in one line for people, without a secret."""
        ...
