"""The html report in real, headless Chromium, as Debian packages it; skipped, and said so, where there is none."""

import io
import shutil
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from cobalt_async import Token
from cobalt_async.audit import AuditResult, Outcome, Verdict
from cobalt_async.audit.report.html import HtmlWriter
from tests.audit.asking import ALIVE, DEAD, INDETERMINATE
from tests.audit.reporting import SHOWN, alert, outcome
from tests.audit.test_report_html import HOSTILE

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
MANY = 5000
TOKENS = (Token("api_a", "a"), Token("api_b", "b"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests here; each has a context of its own in it."""
    async with async_playwright() as playwright:
        async with await playwright.chromium.launch(executable_path=CHROMIUM) as launched:
            yield launched


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 5,000 credentials: each tenth dead, one unknown, the others alive."""
    results = [_result(number) for number in range(MANY)]
    ended = outcome(
        {ALIVE: 4499, DEAD: 500, INDETERMINATE: 1},
        reasons={"no_answer": 1},
        alerts=[alert("CT101", subject=f"job-{n}", message=f"job-{n} is dead") for n in range(60)],
        users=9,
        cannot_know=["who holds it"],
    )
    return _written(tmp_path_factory.mktemp("many"), results, ended)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page in which every text that others choose is hostile, or very long; incomplete, with all its parts."""
    texts = [*HOSTILE, "x" * 1000]
    alerts = [alert("CT102", "critical"), alert("CT301"), alert("CT105", "medium"), alert("CT305", "low")]
    alerts += [alert("CT701", "note", subject=text, message=text, fix=text) for text in texts]
    verdicts = [tuple(Verdict)[place % 5] for place in range(len(texts))]
    results = [
        AuditResult(text, verdict, text, TOKENS, "eu", "user-1") for text, verdict in zip(texts, verdicts, strict=True)
    ]
    ended = outcome(
        {verdict: verdicts.count(verdict) for verdict in Verdict},
        reasons=dict.fromkeys(texts, 1),
        alerts=[*alerts, alert("CT202", "medium", suppressed=texts[0])],
        notes=texts,
        cannot_know=texts,
        stopped="stopped",
        bad_rows=1,
    )
    return _written(tmp_path_factory.mktemp("hostile"), results, ended)


def _result(number: int) -> AuditResult:
    if number == 4321:
        return AuditResult("jöb-lost", INDETERMINATE, "no_answer")
    if number % 10 == 0:
        return AuditResult(f"job-{number}", DEAD)
    return AuditResult(f"job-{number}", ALIVE, None, TOKENS[: number % 2 + 1], None, f"user-{number % 9}")


def _written(folder: Path, results: Iterable[AuditResult], ended: Outcome) -> Path:
    file = io.StringIO()
    report = HtmlWriter(file)
    for result in results:
        report.add(result)
    report.end(ended)
    path = folder / "report.html"
    path.write_text(file.getvalue(), "ascii")
    return path


@asynccontextmanager
async def _opened(browser: Browser, path: Path, **context: Any) -> AsyncIterator[Page]:
    """The page, in which nothing may be complained of, asked for or popped up as long as it is open."""
    async with await browser.new_context(**{"viewport": WIDE, **context}) as opened:
        page = await opened.new_page()
        seen: list[str] = []
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.on("dialog", lambda dialog: seen.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: seen.append(f"request: {request.url}"))
        page.on("popup", lambda popup: seen.append(f"popup: {popup.url}"))
        await page.goto(path.as_uri())
        yield page
        assert seen == [f"request: {path.as_uri()}"]


async def _labels(page: Page) -> list[str]:
    """The labels of the credentials that can be seen."""
    found: list[str] = await page.evaluate(
        "Array.from(document.querySelectorAll('#credentials ~ table tbody tr'))"
        ".filter((row) => row.checkVisibility()).map((row) => row.cells[1].textContent)"
    )
    return found


async def _status(page: Page) -> str:
    return await page.inner_text("section:has(#credentials) [role=status]")


async def _wait_for(page: Page, status: str) -> None:
    await expect(page.locator("section:has(#credentials) [role=status]")).to_have_text(status)


async def test_a_filter_is_typed(browser: Browser, many: Path) -> None:
    """Words narrow the table as they are typed, together with the verdict; no match is said; Clear undoes."""
    async with _opened(browser, many) as page:
        assert await _status(page) == "5,000 credentials, the first 50 are shown"
        await page.focus("#credentials-text")
        await page.keyboard.type("JOB-123", delay=5)
        await _wait_for(page, "11 of 5,000 credentials match")
        assert await _labels(page) == ["job-1230", "job-123", *(f"job-{1230 + n}" for n in range(1, 10))]
        await page.select_option("#credentials-kind", "DEAD")
        assert (await _labels(page), await _status(page)) == (["job-1230"], "1 of 5,000 credentials match")
        await page.fill("#credentials-text", "no_answer job")
        await _wait_for(page, "No credential matches")
        await page.select_option("#credentials-kind", "")
        await page.fill("#credentials-text", "JO\u0308B lost")  # in capitals, and the letter written as two
        await _wait_for(page, "1 of 5,000 credentials match")
        await page.click("section:has(#credentials) .clear")
        assert await _status(page) == "5,000 credentials, the first 50 are shown"
        assert await page.evaluate("document.activeElement.id") == "credentials-text"
        await page.keyboard.press("Enter")  # sends nothing


async def test_a_filter_has_no_lag(browser: Browser, many: Path) -> None:
    """Of 5,000 credentials few are laid out, and each change is shown within a moment."""
    async with _opened(browser, many) as page:
        assert len(await _labels(page)) == 50
        longest = 0.0
        for words, count in (("job", "4,999 of"), ("job-1", "1,111 of"), ("job-12", "111 of"), ("alive", "4,499 of")):
            started = time.monotonic()
            await page.fill("#credentials-text", words)
            await expect(page.locator("section:has(#credentials) [role=status]")).to_contain_text(count)
            longest = max(longest, time.monotonic() - started)
        assert longest < 2, "seconds, on a busy machine; a tenth of that on an idle one"


async def test_columns_are_sorted_by_mouse_and_keyboard(browser: Browser, many: Path) -> None:
    """A heading sorts up, then down, numbers as numbers, and says so to a screen reader; so does Enter on it."""
    async with _opened(browser, many) as page:
        heading = page.locator("#credentials ~ table thead th")

        async def sorts() -> list[str | None]:
            return [await heading.nth(place).get_attribute("aria-sort") for place in range(5)]

        assert await sorts() == [None] * 5
        await heading.nth(1).get_by_role("button").click()
        assert (await _labels(page))[:3] == ["job-0", "job-1", "job-2"]
        assert await sorts() == [None, "ascending", None, None, None]
        await heading.nth(1).get_by_role("button").focus()
        await page.keyboard.press("Enter")
        assert (await _labels(page))[:3] == ["jöb-lost", "job-4999", "job-4998"]
        assert await sorts() == [None, "descending", None, None, None]
        for _ in range(3):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        assert await sorts() == [None, None, None, None, "ascending"]
        await page.keyboard.press("Space")
        assert await page.locator("#credentials ~ table tbody tr td:nth-child(5)").first.inner_text() == "2"
        await heading.nth(0).get_by_role("button").click()
        assert (await _labels(page))[0] == "jöb-lost"


async def test_more_rows_are_shown_when_asked_for(browser: Browser, many: Path) -> None:
    """The button says how many, and the focus goes to the first new row."""
    async with _opened(browser, many) as page:
        more = page.locator("section:has(#credentials) .more")
        assert await more.inner_text() == "Show 200 more"
        await more.click()
        assert len(await _labels(page)) == 250
        assert await page.evaluate("document.activeElement.rowIndex") == 51
        await page.fill("#credentials-text", "job-123")
        await _wait_for(page, "11 of 5,000 credentials match")
        assert await more.is_hidden()


async def test_a_tile_and_a_step_lead_to_their_rows(browser: Browser, many: Path) -> None:
    """`dead` shows the dead, a reason those who have it, and a rule's link its alerts; the others are put aside."""
    async with _opened(browser, many) as page:
        await page.click(".tiles a[data-show=DEAD]")
        assert await _status(page) == "500 of 5,000 credentials match, the first 50 are shown"
        assert page.url.endswith("#credentials")
        await page.click("section:has(#unknown) a")
        assert await _labels(page) == ["jöb-lost"]
        await page.click("#CT101-high a")
        status = await page.inner_text("section:has(#alerts) [role=status]")
        assert status == "60 of 60 alerts match, the first 50 are shown"


async def test_the_skip_link_is_first(browser: Browser, many: Path) -> None:
    """The first Tab shows it, and Enter leads to what to do first."""
    async with _opened(browser, many) as page:
        await page.keyboard.press("Tab")
        assert await page.locator(".skip").bounding_box() is not None
        assert await page.evaluate("document.activeElement.getBoundingClientRect().left") > 0
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "first"


async def test_hostile_texts_are_harmless(browser: Browser, hostile: Path) -> None:
    """They become no element, run nothing, load nothing, and stand there to be read, filtered and sorted too."""
    async with _opened(browser, hostile) as page:
        names = await page.evaluate(
            "Array.from(new Set(Array.from(document.querySelectorAll('body *'), (e) => e.localName)))"
        )
        assert not {"img", "script", "style", "iframe", "object", "link", "textarea"} & set(names)
        await page.fill("#credentials-text", "<script>")
        await _wait_for(page, "1 of 12 credentials match")
        assert set(await _labels(page)) == {"<script>alert(1)</script>"}
        for place in range(6):
            await page.locator("#credentials ~ table thead button").nth(place).click()
        text = await page.inner_text("body")
        assert all(shown in text for shown in ("{{7*7}}${7*7}", '"><img src=x onerror=alert(1)>', SHOWN))
        assert not set("\u202e\u2066\x1b\x07\ufeff") & set(await page.text_content("body") or "")


async def test_the_policy_holds(browser: Browser, many: Path, tmp_path: Path) -> None:
    """If markup did get in, the browser would run nothing of it: neither a script, nor a handler, nor a style."""
    evil = "<script>window.owned = 1</script><p id=evil onclick='window.owned = 2' style='color: red'>x</p>"
    path = tmp_path / "spoilt.html"
    path.write_text(many.read_text("ascii").replace("<main>", f"<main>{evil}<img src='https://example.com/x.png'>"))
    async with await browser.new_context() as context:
        page = await context.new_page()
        blocked: list[tuple[str, str | None]] = []
        page.on("requestfailed", lambda request: blocked.append((request.url, request.failure)))
        await page.goto(path.as_uri())
        await page.click("#evil")
        assert await page.evaluate("[window.owned, getComputedStyle(document.querySelector('#evil')).color]") == [
            None,
            await page.evaluate("getComputedStyle(document.body).color"),
        ]
        assert blocked == [("https://example.com/x.png", "csp")]


async def test_axe_finds_nothing(browser: Browser, hostile: Path) -> None:
    """axe-core finds no violation of its rules, contrast (AA) included, in either scheme and at either width."""
    pytest.importorskip("axe_playwright_python", reason="no axe-core here: pip install axe-playwright-python")
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    async with _opened(browser, hostile, bypass_csp=True) as page:
        await page.evaluate(axe)
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                found = await page.evaluate("axe.run({resultTypes: ['violations']})")
                rules = {rule["id"] for rule in found["passes"]}
                assert {"color-contrast", "label", "html-has-lang", "td-headers-attr"} <= rules
                violations = [(rule["id"], rule["impact"], rule["nodes"][0]["html"]) for rule in found["violations"]]
                assert violations == [], (width, scheme)


@pytest.mark.parametrize("name", ["many", "hostile"])
async def test_a_phone_does_not_scroll_sideways(browser: Browser, name: str, request: pytest.FixtureRequest) -> None:
    """At 390 px the page is no wider, with a label of 1000 letters too, and nothing in it is squeezed."""
    async with _opened(browser, request.getfixturevalue(name), viewport=PHONE) as page:
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
        squeezed = await page.evaluate(
            "Array.from(document.querySelectorAll('caption, tbody tr, .tiles li, .first li, svg, .controls input'))"
            ".filter((part) => part.checkVisibility() && part.getBoundingClientRect().width < 150)"
            ".map((part) => part.outerHTML)"
        )
        assert squeezed == [], "a column of single letters"


async def test_print_has_all_that_matches(browser: Browser, many: Path) -> None:
    """On paper all rows that match are there, on white, and what one can click at is not."""
    async with _opened(browser, many, color_scheme="dark") as page:
        await page.fill("#credentials-text", "job-12")
        await _wait_for(page, "111 of 5,000 credentials match, the first 50 are shown")
        await page.emulate_media(media="print")
        await page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert len(await _labels(page)) == 111
        assert await page.locator("nav").is_hidden()
        assert await page.locator(".controls").first.is_hidden()
        assert await page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 31, 38)"
        await page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert len(await _labels(page)) == 50
        assert (await page.pdf()).startswith(b"%PDF-")


async def test_without_a_script_all_is_readable(browser: Browser, many: Path) -> None:
    """With JavaScript off every row is seen, and no control that would do nothing."""
    async with _opened(browser, many, java_script_enabled=False) as page:
        assert await page.locator("#credentials ~ table tbody tr:visible").count() == MANY
        assert await page.locator(".controls:visible, .more:visible, thead button").count() == 0
