"""CT101 to CT105: what a secret's life says against what is declared of it, or done to it."""

from collections.abc import Iterator

from .ground import Ground, Raised, of_label
from .texts import shown


def dead_in_use(ground: Ground) -> Iterator[Raised]:
    """CT101: dead, and the inventory does not call it retired."""
    rows = ground.facts.query(
        "SELECT label, replaced_in FROM credential WHERE verdict = 'DEAD' AND status IS NOT 'retired'"
    )
    for label, replaced_in in rows:
        record = ground.ledger.record(replaced_in)
        why = "; our own rotation replaced it" if record is not None and record.new is not None else ""
        yield of_label("CT101", label, f"{shown(label)} is dead, though the inventory has it in use{why}")


def alive_retired(ground: Ground) -> Iterator[Raised]:
    """CT102: alive, and the inventory calls it retired."""
    rows = ground.facts.query("SELECT label FROM credential WHERE verdict = 'ALIVE' AND status = 'retired'")
    for (label,) in rows:
        yield of_label("CT102", label, f"{shown(label)} is alive, though the inventory calls it retired")


def alive_after_rotation(ground: Ground) -> Iterator[Raised]:
    """CT103: alive, though a rotation of ours has a new secret in its place.

    A rotation without a new secret says nothing: it may have been refused, or never have left.
    """
    rows = ground.facts.query(
        "SELECT label, replaced_in FROM credential WHERE verdict = 'ALIVE' AND replaced_in IS NOT NULL"
    )
    for label, replaced_in in rows:
        record = ground.ledger.record(replaced_in)
        if record is not None and record.new is not None:
            what = f"our rotation of {shown(record.token_id)}, begun {record.started_at:%Y-%m-%d}, replaced it"
            yield of_label("CT103", label, f"{shown(label)} is alive, though {what}")


def alive_elsewhere(ground: Ground) -> Iterator[Raised]:
    """CT104: alive in a region that is known, and another than the declared one."""
    rows = ground.facts.query(
        "SELECT label, region, declared_region FROM credential WHERE verdict = 'ALIVE' AND region <> declared_region"
    )
    for label, region, declared in rows:
        yield of_label("CT104", label, f"{shown(label)} is alive in {region}, though declared for {declared}")


def forbidden(ground: Ground) -> Iterator[Raised]:
    """CT105: known to Cobalt, and refused."""
    for (label,) in ground.facts.query("SELECT label FROM credential WHERE verdict = 'FORBIDDEN'"):
        yield of_label("CT105", label, f"{shown(label)} is known to Cobalt and has no access (403)")


JUDGES = (dead_in_use, alive_retired, alive_after_rotation, alive_elsewhere, forbidden)
