"""Placeholder until the price commands are mounted."""

import typer

app = typer.Typer()
