"""A paper venue's book in memory."""

from fanfold.aws.dynamodb.paper_book import PaperBook
from fanfold.simulation.cloud import MemoryCloud


class MemoryBook(PaperBook):
    """The book of the cloud on a table in memory, empty at first."""

    def __init__(self) -> None:
        super().__init__(MemoryCloud().table("paper"))
