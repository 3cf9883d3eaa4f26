"""The report in a browser: nothing leaves, nothing overflows, tables sort. Skipped where there is no Chromium."""

import os
import shutil
import sys

import pytest

from jaxac.report import command
from tests.run_directories import rows_of, write_run, write_sweep

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync")
PHONE, DESKTOP = 360, 1280

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on the PATH")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A report with many trials, long names, and numbers that sort otherwise as words."""
    sweep = write_sweep(
        tmp_path_factory.mktemp("page") / "sweep",
        rates=(1e-5, 9e-5, 1e-4, 1e-3, 1e-2, 0.5, 2.0, 10.0, 100.0),
        returns=lambda rate, seed: (20.0, 300.0 - seed, 480.0 - 4.7 * rate - seed),
    )
    extra = {"async/staleness_histogram": [[3, 1], [2, 2]], "async/staleness_mean": [0.25, 0.5]}
    rows = rows_of((20.0, 300.0), **extra)
    overrides = ("+algo=a3c", f"logger.wandb.name={'x' * 300}", "env.name=some.package.with.a.long.name:Environment")
    write_run(sweep / "27", rows=rows, overrides=overrides, algo__name="a3c", optimizer__learning_rate=7.0)
    write_run(sweep / "28", status=None, optimizer__learning_rate=8.0)
    arguments, sys.argv = sys.argv, ["report", str(sweep)]
    try:
        command.main()
    finally:
        sys.argv = arguments
    return sweep / "report" / "report.html"


@pytest.fixture(scope="module")
def chromium():
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    flags = [*root, "--no-first-run", *(f"--disable-{what}" for what in QUIET)]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, page_file):
    """``open_page(width, **options)``: the page, in a context without a network; what it asks for and complains of."""
    contexts = []

    def load(width, **options):
        context = chromium.new_context(viewport={"width": width, "height": 740}, offline=True, **options)
        contexts.append(context)
        page, asked, complaints = context.new_page(), [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(page_file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
        return page, asked, complaints

    yield load
    for context in contexts:
        context.close()


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_it_opens_without_a_network_and_fits(open_page, page_file, width, scheme, media):
    page, asked, complaints = open_page(width, color_scheme=scheme)
    page.emulate_media(media=media, color_scheme=scheme)
    if media == "screen" or width == DESKTOP:  # nobody prints on paper as narrow as a phone
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    pictures = page.evaluate(
        "[...document.images].map(image => [image.complete, image.naturalWidth, image.alt.length])"
    )
    assert len(pictures) >= 6
    assert all(complete and wide > 300 and described > 30 for complete, wide, described in pictures)
    assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()]
    assert complaints == []


def test_wide_tables_scroll_inside_their_own_frame(open_page):
    page, _, _ = open_page(700)
    frame = page.evaluate(
        "(() => { const frame = document.querySelector('.scroll'); return [frame.scrollWidth, frame.clientWidth] })()"
    )
    assert frame[0] > frame[1]


@pytest.mark.parametrize("width", [PHONE, 390])
def test_on_a_phone_no_column_is_out_of_sight_and_every_cell_says_what_it_is(open_page, width):
    page, _, _ = open_page(width)
    cells = page.evaluate(
        """[...document.querySelectorAll("table")].flatMap(table => [...table.tBodies[0].rows]).flatMap(row =>
            [...row.cells].map(cell => {
                const box = cell.getBoundingClientRect();
                const heading = getComputedStyle(cell, "::before").content;
                return [box.left >= 0 && box.right <= innerWidth && cell.scrollWidth <= cell.clientWidth, heading];
            }))"""
    )
    assert len(cells) > 100 and all(inside for inside, _ in cells)
    assert {'"final return"', '"status"', '"collapse rate"'} <= {heading for _, heading in cells}


def test_text_is_as_wide_as_what_it_is_about(open_page):
    page, _, _ = open_page(DESKTOP)
    widths = page.evaluate(
        "['main p', '.scroll', '.figures'].map(name => document.querySelector(name).getBoundingClientRect().width)"
    )
    assert min(widths) > 0.95 * max(widths)


def column(page, name):
    """The cells of the first table under the heading ``name``, from top to bottom."""
    return page.evaluate(
        """name => {
            const table = document.querySelector("table");
            const at = [...table.querySelectorAll("th")].findIndex(heading => heading.textContent.trim() === name);
            return [...table.tBodies[0].rows].map(row => row.cells[at].textContent.trim());
        }""",
        name,
    )


def test_a_heading_sorts_its_column_as_numbers(open_page):
    page, _, _ = open_page(DESKTOP)
    button = page.get_by_role("button", name="optimizer.learning_rate").first
    heading = page.locator("th", has=button).first
    before = column(page, "optimizer.learning_rate")
    button.click()
    ascending = column(page, "optimizer.learning_rate")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert sorted(before, key=float) == ascending != sorted(before)
    button.focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(page, "optimizer.learning_rate") == ascending[::-1]


def test_what_is_missing_is_sorted_last_either_way(open_page):
    page, _, _ = open_page(DESKTOP)
    button = page.get_by_role("button", name="final return").first
    for _ in range(2):
        button.click()
        values = column(page, "final return")
        assert values[-1] == "–" and "–" not in values[:-1]
    assert page.locator("table").first.locator("[aria-sort]").count() == 1


def contrast(page, selector):
    """Between a text and what is behind it, as WCAG defines it."""
    return page.evaluate(
        """selector => {
            const element = document.querySelector(selector);
            const luminance = color => {
                const [r, g, b] = color.match(/[0-9.]+/g).map(Number).map(value => value / 255)
                    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            let behind = element;
            while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
            const found = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(luminance);
            return (Math.max(...found) + 0.05) / (Math.min(...found) + 0.05);
        }""",
        selector,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(open_page, scheme):
    page, _, _ = open_page(PHONE, color_scheme=scheme)
    contrasts = {text: contrast(page, text) for text in ("p", "figcaption", "td", "th button", "pre code", "summary")}
    assert min(contrasts.values()) >= 4.5, contrasts
