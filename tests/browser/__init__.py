"""What a person sees: our HTML in a real headless Chromium, at a telephone's width and a desk's, light and dark.

Here: the browser and what is asked of a page (``chromium``), and how tests get at it (``conftest``: the fixture ``look``). ``make browser`` puts the browser where it is found.
"""
