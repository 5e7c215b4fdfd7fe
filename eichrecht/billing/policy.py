"""Billing policy: what a CPO insists on before a CDR may leave, each default with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from ocpi.tariffs.policy import DEFAULT, PricingPolicy


@dataclass(frozen=True)
class BillingPolicy:
    """What must hold before a CDR may leave.

    Whenever a switch lets through what the default would stop, the CDR records it (``policy_overridden``).

    Attributes:
        require_confirmed_key: The key must be vouched for by the register or the operator. Default ``True``:
            a key that only travels with the data proves integrity, not origin (law facts §6).
        allow_unsigned_split: Energy may be split at a price change without a signed reading there.
            Default ``False``: signed intermediate values are mandatory when the tariff changes (law facts §4.1).
        bill_uncertified_time: TIME may be billed although the signed clock does not carry a duration, or not
            that part of it; prices may depend on a time of day or a duration that the clock does not carry, or
            that was told otherwise than signed. Default ``False`` (law facts §5).
        bill_uncertified_parking: The same for PARKING_TIME. Default ``False``: strict for time values taken
            from the station (law facts §3, blocking fee).
        bill_rounded_energy: step_size may raise the billed energy above the signed energy. Default ``False``:
            the invoiced quantity must be traceable to the measuring result (MessEG § 33(1), law facts §11).
        allow_other_identification: The card or contract that the meter signed may differ from the token that is
            billed. Default ``False``: the eMSP must be able to prove which medium started the session (law
            facts §4); for stations that sign another form of the identification, or none (``IS`` false).
        allow_record_gap: Begin and end may have other records of the meter between them that are not at hand,
            or no record numbers that would tell. Default ``False``: other customers' sessions could lie there;
            for meters that sign intermediate values one by one and stations that send only the first and the
            last.
        allow_implausible: A session beyond the limits of experience (energy, duration and mean power, a negative
            register, more energy after cable losses than before) may be billed. Default ``False``: the signature
            proves what the meter said, not that it measured right; for sites with unusually large sessions.
        allow_other_tariff_text: The tariff may differ from the one that the meter signed as its tariff text (OCMF
            ``TT``). Default ``False``: the driver was shown, and the meter signed, another price; for stations
            whose tariff text is out of date.
        pricing: Pricing policy.
    """

    require_confirmed_key: bool = True
    allow_unsigned_split: bool = False
    bill_uncertified_time: bool = False
    bill_uncertified_parking: bool = False
    bill_rounded_energy: bool = False
    allow_other_identification: bool = False
    allow_record_gap: bool = False
    allow_implausible: bool = False
    allow_other_tariff_text: bool = False
    pricing: PricingPolicy = field(default=DEFAULT)
