"""``eichrecht partner``: connecting, listing and ending OCPI partners."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from eichrecht.cli import show
from eichrecht.cli.database import DatabaseOption, open_service
from eichrecht.cli.errors import InputError
from eichrecht.service.partners import Partners, SettingsError
from ocpi.errors import OcpiError
from ocpi.registration import Partner

T = TypeVar("T")

commands = typer.Typer(help="OCPI partners.", no_args_is_help=True)

PartnerId = Annotated[str, typer.Argument(help="Our id of the partner; see eichrecht partner list.")]
ReturningId = Annotated[
    str | None,
    typer.Option("--partner-id", help="A known partner that lost its registration: its CDRs go on."),
]


def _with_partners(database: str | None, call: Callable[[Partners], Awaitable[T]]) -> T:
    """Run one call on the partners of the database.

    Raises:
        InputError: It cannot be carried out.
    """

    async def run() -> T:
        async with open_service(database) as service:
            return await call(service.partners)

    try:
        return asyncio.run(run())
    except SettingsError as error:
        raise InputError(str(error)) from error
    except (OcpiError, ValueError) as error:  # ValueError: a token that OCPI cannot carry
        raise InputError(f"handshake failed: {error}") from error


@commands.command("connect")
def connect(
    versions_url: Annotated[str, typer.Argument(help="The partner's versions URL.")],
    token: Annotated[str, typer.Argument(help="Its token A.")],
    partner_id: ReturningId = None,
    database: DatabaseOption = None,
) -> None:
    """Start the OCPI handshake with a partner. The service must be running: the partner calls it back."""

    async def connected(partners: Partners) -> tuple[Partner, dict[str, str]]:
        made = await partners.connect(versions_url, token, partner_id)
        return made, await partners.push_all_tariffs(made.id)

    partner, pushed = _with_partners(database, connected)
    sys.stdout.write(f"{partner.id} registered with OCPI {partner.version}\n")
    _show_pushed(pushed)


@commands.command("push")
def push(partner_id: PartnerId, database: DatabaseOption = None) -> None:
    """Push every tariff in force to a partner that started the handshake itself, or missed a push."""
    _show_pushed(_with_partners(database, lambda partners: partners.push_all_tariffs(partner_id)))


def _show_pushed(pushed: dict[str, str]) -> None:
    for tariff_id, result in pushed.items():
        sys.stdout.write(show.clean(f"  tariff {tariff_id}: {result}") + "\n")


@commands.command("invite")
def invite(partner_id: ReturningId = None, database: DatabaseOption = None) -> None:
    """Make a token A for a partner that starts the handshake itself."""
    token, url = _with_partners(database, lambda partners: partners.invite(partner_id))
    sys.stdout.write(f"versions URL: {url}\ntoken A: {token}\n")


@commands.command("list")
def list_partners(database: DatabaseOption = None) -> None:
    """List partners: id, state, version, parties, and what happens to CDRs in doubt."""
    for known in _with_partners(database, lambda partners: partners.known()):
        partner = known.partner
        roles = ", ".join(f"{role.role} {role.country_code}*{role.party_id}" for role in partner.roles)
        line = f"{partner.id}  {partner.state.value}  {partner.version}  {roles}  in doubt: {known.in_doubt}"
        sys.stdout.write(show.clean(line) + "\n")


@commands.command("rotate")
def rotate(partner_id: PartnerId, database: DatabaseOption = None) -> None:
    """Renew the tokens of both directions (monthly, and at once when one leaked). The service must be running."""
    partner = _with_partners(database, lambda partners: partners.rotate(partner_id))
    sys.stdout.write(f"{partner.id} has new tokens, OCPI {partner.version}\n")


@commands.command("set")
def set_partner(
    partner_id: PartnerId,
    in_doubt: Annotated[
        str,
        typer.Option(
            "--in-doubt",
            help="resend, or hold a CDR of which the partner cannot say whether it has it (docs/delivery.md).",
        ),
    ],
    database: DatabaseOption = None,
) -> None:
    """Change a setting for a partner."""
    known = _with_partners(
        database, lambda partners: partners.set_settings(partner_id, {"in_doubt": in_doubt})
    )
    sys.stdout.write(f"{partner_id} in doubt: {known.in_doubt}\n")


@commands.command("disconnect")
def disconnect(partner_id: PartnerId, database: DatabaseOption = None) -> None:
    """End a registration; it ends here even if the partner cannot be told."""
    failure = _with_partners(database, lambda partners: partners.disconnect(partner_id))
    told = "the partner agreed" if failure is None else f"the partner could not be told: {failure}"
    sys.stdout.write(f"{partner_id} is disconnected; {show.clean(told)}\n")
