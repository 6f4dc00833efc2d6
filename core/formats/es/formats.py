"""Spanish: "1 de julio de 2030", as the Academy's Ortografía has it."""

from core.formats import patterns

THOUSAND_SEPARATOR = "."  # as browsers have it, whose scripts change numbers in place

globals().update(
    patterns(
        {
            "F Y": r"F \d\e Y",
            "j M": "j b",
            "j M Y": "j b Y",
            "j F Y": r"j \d\e F \d\e Y",
            "D j M Y": "D j b Y",
            "l j F Y": r"l j \d\e F \d\e Y",
        }
    )
)
