"""Kinds of data files as sources write them, small and made here."""

from fanfold_dev.documents.data_kinds.building import Kind
from fanfold_dev.documents.data_kinds.forms import forms
from fanfold_dev.documents.data_kinds.more_forms import more_forms
from fanfold_dev.documents.data_kinds.refused import refused
from fanfold_dev.documents.data_kinds.shapes import shapes
from fanfold_dev.documents.data_kinds.sources import sources


def kinds() -> list[Kind]:
    """Return every kind, in the order of the page."""
    return [*sources(), *forms(), *more_forms(), *shapes(), *refused()]
