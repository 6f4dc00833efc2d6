"""Arabic: its own comma before the time."""

from core.formats import patterns

globals().update(
    patterns(
        {
            "j M": "j M",
            "j M Y": "j M Y",
            "j F Y": "j F Y",
            "D j M Y": "D، j M Y",
            "l j F Y": "l، j F Y",
        },
        comma="، ",
    )
)
