from tests.audit.judging import NOT_TRIED, Told, rotation


def test_ct901_a_file_that_others_can_read() -> None:
    """Once for each file, by its path, whatever was answered to the secrets in it."""
    told = Told()
    told.alive("a", exposed="/srv/inventory.csv")
    told.dead("b", exposed="/srv/inventory.csv")
    told.tell("c", NOT_TRIED, None, exposed="/home/ada/token")
    assert told.subjects("CT901") == ["/home/ada/token", "/srv/inventory.csv"]
    first, second = [alert for alert in told.alerts() if alert.rule == "CT901"]
    assert (first.severity, second.severity) == ("high", "high")
    assert first.message.endswith("/home/ada/token, which holds a secret")
    assert second.message.endswith("/srv/inventory.csv, which holds 2 secrets")


def test_ct901_not_for_a_file_of_ones_own() -> None:
    """Nothing exposed, nothing to say."""
    told = Told()
    told.alive("a")
    assert told.subjects("CT901") == []


def test_ct901_an_unfinished_rotation() -> None:
    """By its token, once, as it stood when it was last touched; also where the inventory has no such token."""
    told = Told(
        rotation("api_1", finished=False, days=9, state="INTENT"),
        rotation("api_1", finished=False, days=2, state="SPOOLED"),
        rotation("api_1", finished=False, days=5, state="SENT"),
    )
    alert = told.only("CT901")
    assert (alert.subject, alert.severity) == ("api_1", "high")
    assert alert.message == "a rotation of api_1 is not finished: SPOOLED since 2026-11-21 12:00"


def test_ct901_not_for_a_finished_one() -> None:
    """What came to its end, well or badly, is over."""
    assert Told(rotation("api_1"), rotation("api_2", state="LOST")).subjects("CT901") == []
