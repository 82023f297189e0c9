"""The HTML page in a real browser: by mouse, by keyboard alone, on a phone, light and dark."""

import os
import shutil

import pytest

from bench.leaderboards import html_data, html_report
from bench.ranking import admission
from factories import make_record, make_runs, write

CHROME = os.environ.get("CHROME") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
if CHROME is None:
    pytest.skip("no Chromium is installed, nor named by $CHROME", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

EVIL = "</script><img src=x onerror=alert(1)>"
STORED = {"naive": 0.0, "replay": 500.0, "ewc": 0.0}
"""Examples that each strategy keeps; of others it is not known."""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Three boards: dense rows are more accurate than a small one, and one name is hostile."""
    root = write(
        tmp_path_factory.mktemp("site") / "records",
        [
            *make_runs("naive", accuracy=0.9),
            *make_runs("replay", accuracy=0.95),
            *make_runs("ewc", accuracy=0.3, weights=0.02),
            make_record(EVIL, 0, accuracy=0.5),
            *make_runs("joint", accuracy=0.97, ranked=False),
            *make_runs("naive", scenario="task"),
            *make_runs("naive", benchmark="split-digits", scenario="task", accuracy=0.8),
        ],
    )
    html = root.parent / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        row = html_data._row

        def told(one, *rest):
            return {**row(one, *rest), "stored": STORED.get(one.name)}

        patch.setattr(html_data, "_row", told)
        html.write_text(html_report.report_html(admission.read(root), records_root=root))
    return html


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROME, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[(1200, 900, "light")])
def page(request, chromium, path):
    """The page, opened from disk; at the end of a test nothing was complained of or asked for."""
    width, height, scheme = request.param
    opened = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    told, asked = [], []
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    opened.wait_for_selector(POINT)
    yield opened
    opened.close()
    assert told == []
    assert asked == [path.as_uri()]


POINT = "#figure .points_marks path"


def names(page):
    return page.locator("#board tbody .name span:last-child").all_text_contents()


def options(page, number):
    return page.locator(f"#choice-{number} option").all_text_contents()


def set_cap(page, exponent):
    page.locator("#cap").fill(str(exponent))


def test_a_board_is_chosen_among_those_that_exist(page):
    assert options(page, 0) == ["split-digits", "split-mnist"]
    assert options(page, 1) == ["class-incremental", "task-incremental"]
    assert names(page)[0] == "replay"
    assert page.locator("#leads").text_content().startswith("replay leads by score")
    assert "Intervals are 95 % over seeds." in page.locator("#reading").text_content()
    page.select_option("#choice-0", "split-digits")
    assert options(page, 1) == ["task-incremental"]
    assert page.locator("#leads").text_content().startswith("naive leads by score")
    assert "with 80.2 % accuracy" in page.locator("#leads").text_content()
    assert names(page) == ["naive"]
    assert not page.locator("#choice-3").is_visible()


def test_every_column_sorts_and_upper_bounds_stay_below(page):
    heading = page.get_by_role("button", name="accuracy, %")
    heading.click()
    assert names(page) == ["ewc", EVIL, "naive", "replay", "joint"]
    heading.click()
    assert names(page) == ["replay", "naive", EVIL, "ewc", "joint"]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="Cost").click()
    page.get_by_role("button", name="train", exact=False).click()
    assert page.locator("th[aria-sort=ascending]").text_content() == "train, s"


def test_rows_are_filtered_by_name_family_and_stored_examples(page):
    page.fill("#words", "EW")
    assert names(page) == ["ewc"]
    page.fill("#words", "")
    page.get_by_role("checkbox", name="regularised").uncheck()
    assert "ewc" not in names(page)
    page.get_by_role("checkbox", name="regularised").check()
    page.get_by_role("checkbox", name="only exemplar-free rows").check()
    assert sorted(names(page)) == ["ewc", "naive"]
    assert page.locator("#count").text_content() == "2 of 5 rows"
    playwright.expect(page.locator(POINT)).to_have_count(2)


def test_the_cap_reorders_the_rows_and_those_above_it_count_as_0(page):
    within = page.locator("#board tbody td.within")
    set_cap(page, 1)
    assert names(page) == ["replay", "naive", EVIL, "ewc", "joint"]
    assert within.first.text_content() != "0.000"
    set_cap(page, -1)
    assert names(page)[0] == "ewc"
    assert within.all_text_contents()[1:] == ["0.000"] * 4
    assert "Cap on the capacity: 10 % of the dense model. ewc leads" in (
        page.locator("#within").text_content()
    )
    set_cap(page, -2)
    assert set(within.all_text_contents()) == {"0.000"}
    assert page.locator("#within").text_content().endswith("No row fits.")


def test_the_cap_may_be_on_memory(page):
    page.get_by_role("radio", name="memory").check()
    assert page.locator("#figure-title").text_content() == "Accuracy against memory"
    assert "Cap on the memory" in page.locator("#within").text_content()


def test_a_row_opens_with_its_seeds_matrices_seconds_and_records(page):
    page.get_by_role("button", name="ewc").click()
    dialog = page.locator("dialog")
    assert dialog.locator("h2").text_content() == "ewc"
    assert dialog.locator(".seed").all_text_contents() == list("01234")
    cells = dialog.locator("table.matrix td").all_text_contents()
    assert cells[:6] == ["30.0", *["10.0"] * 4, "30.0"]
    assert "train 18.00 s" in dialog.text_content()
    dialog.get_by_role("button", name="4").click()
    assert dialog.locator("table.matrix td").first.text_content() == "30.4"
    assert "cpu fake" in dialog.text_content()
    assert "split-mnist-class/ewc/4-" in dialog.text_content()
    page.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()
    page.locator("#records summary").click()
    playwright.expect(page.locator("#records tbody tr")).to_have_count(21)


def test_what_a_record_says_stays_text(page):
    page.get_by_role("button", name=EVIL).click()
    assert page.locator("dialog h2").text_content() == EVIL
    assert page.evaluate("document.images.length") == 0


def test_a_point_tells_its_numbers_and_opens_its_row(page):
    page.locator(POINT).first.hover()
    tip = page.locator("#tip").text_content()
    assert tip.startswith("ewcaccuracy30.2 % [30.0 %, 30.4 %]capacity5.1 %")
    assert tip.endswith("stored examples0familyregularised")
    page.locator(POINT).first.click()
    assert page.locator("dialog h2").text_content() == "ewc"


def focus_by_tabulator(page, wanted):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    pytest.fail(f"the tabulator key never reaches {wanted}")


def test_the_keyboard_alone_does_all_of_it(page):
    focus_by_tabulator(page, "#choice-0")
    page.keyboard.press("ArrowUp")
    assert names(page) == ["naive"]
    page.keyboard.press("ArrowDown")
    assert page.locator("#choice-1").input_value() == "task-incremental"  # what was chosen stays
    focus_by_tabulator(page, "#choice-1")
    page.keyboard.press("ArrowUp")
    assert len(names(page)) == 5
    page.wait_for_function("document.querySelectorAll('.points_marks path').length === 5")
    focus_by_tabulator(page, POINT)
    page.keyboard.press("ArrowRight")
    assert page.locator("#tip strong").text_content() == EVIL
    page.keyboard.press("Enter")
    assert page.locator("dialog h2").text_content() == EVIL
    page.keyboard.press("Escape")
    focus_by_tabulator(page, "#cap")
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    assert names(page)[0] == "ewc"
    focus_by_tabulator(page, "#free")
    page.keyboard.press("Space")
    assert sorted(names(page)) == ["ewc", "naive"]
    focus_by_tabulator(page, "[data-key=within] button")
    page.keyboard.press("Enter")
    assert names(page) == ["naive", "ewc"]
    focus_by_tabulator(page, ".name")
    page.keyboard.press("Enter")
    assert page.locator("dialog h2").text_content() == "naive"


@pytest.mark.parametrize("page", [(390, 844, "light"), (390, 844, "dark")], indirect=True)
def test_a_phone_shows_all_of_it_without_scrolling_sideways(page):
    def overflow():
        return page.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert overflow() <= 0
    for name in ("Size and memory", "Learning", "Cost", "Sources"):
        page.get_by_role("button", name=name).click()
        assert overflow() <= 0
    page.locator("#conditions summary").click()
    page.get_by_role("button", name=EVIL).click()
    assert overflow() <= 0
    box = page.locator("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


@pytest.mark.parametrize("page", [(1200, 900, "dark")], indirect=True)
def test_a_dark_page_has_light_ink(page):
    ink, back = page.evaluate(
        "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"
    )
    assert ink == "rgb(230, 232, 236)"
    assert back == "rgb(20, 22, 26)"
    name = page.locator("#figure text", has_text="naive").first
    assert name.evaluate("text => getComputedStyle(text).fill") == ink


def test_the_thumb_of_the_slider_stands_on_the_line_of_the_cap(page):
    set_cap(page, -1)
    line = page.evaluate("document.querySelector('.layer_1_marks line').getBoundingClientRect().x")
    box = page.locator("#cap").bounding_box()
    assert line == pytest.approx(box["x"] + 8 + (box["width"] - 16) / 3, abs=2)
