"""How many decimals a currency has (ISO 4217, minor units)."""

from __future__ import annotations

_USUAL_DIGITS = 2
_DIGITS = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
            *("PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def minor_digits(currency: str) -> int:
    """Return the decimals of the minor unit of a currency; two where ISO 4217 lists no other number."""
    return _DIGITS.get(currency.upper(), _USUAL_DIGITS)
