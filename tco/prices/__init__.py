"""Dated, sourced prices: tables under ``pricing/`` in, quotes out."""

from tco.prices.catalog import Catalog

__all__ = ["Catalog"]
