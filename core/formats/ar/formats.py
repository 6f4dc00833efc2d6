"""Arabic: its own comma before the time; in numbers, whose digits are those of English, the signs that go with them."""

from core.formats import patterns

THOUSAND_SEPARATOR, DECIMAL_SEPARATOR = ",", "."
NUMBER_GROUPING = 3

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
