"""When Python looks for cycles of garbage: seldom, and never among what lasts as long as the process."""

from __future__ import annotations

import gc

# A batch makes thousands of objects that die with it, of which few are in cycles: looking for those after
# every 700, as is the default, costs a tenth of all the work. These may hold some 10 MB for a while.
_COLLECT_AFTER = (50_000, 20, 20)


def collect_seldom() -> None:
    """Sets how many objects are made between two looks."""
    gc.set_threshold(*_COLLECT_AFTER)


def spare_what_lasts() -> None:
    """Called when all is set up: modules, descriptors and services are never looked at again.

    A look at everything stops the process for some 50 ms with them and for a few without.
    """
    gc.collect()
    gc.freeze()
