"""`pixelpipe doctor`: check the set-up."""

import sys
from dataclasses import asdict

import click

from pixelpipe.cli.options import Format, format_option, store_url_option, write_records
from pixelpipe.store import Store

COLORS = {"ok": "green", "note": "yellow", "wrong": "red"}


@click.command()
@store_url_option
@format_option
def doctor(store: str, output_format: Format) -> int:
    """Check installation, GPU, store, disk, and the Prefect server with its pools, limits and deployments.

    One line a check; what is wrong says what to do. Exit code 0 if nothing is wrong, else 1. Nothing stays behind but
    what the checks find.
    """
    from flows.connection import apply_settings
    from pixelpipe.pipeline.health import check_machine

    apply_settings()
    from flows.health import check_server  # Prefect reads its settings when it is imported

    findings = []
    for checks in (check_machine(Store.open(store)), check_server()):
        for finding in checks:
            findings.append(finding)
            if output_format == "table":  # at once: some of them take seconds
                mark = click.style(f"{finding.state:5}", fg=COLORS[finding.state])
                todo = f"; {finding.todo}" if finding.todo else ""
                click.echo(f"{mark} {finding.check + ':':20} {finding.found}{todo}")
                sys.stdout.flush()
    if output_format != "table":
        write_records([asdict(finding) for finding in findings], output_format)
    return int(any(finding.state == "wrong" for finding in findings))
