"""Tag a run of the library, or take a tag from it.

Example: fanfold research tag sweep-588c63919d5c1cc3 candidate
Example: fanfold research tag sweep-588c63919d5c1cc3 candidate --remove
"""

from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.output import Answer
from fanfold.cli.research_library import LibraryFolder, library_in

Run = Annotated[str, Parameter(metavar="RUN", help="the run's id, as `fanfold research runs` lists them")]
Tag = Annotated[str, Parameter(metavar="TAG", help="letters, digits, -, _ and .")]
Remove = Annotated[bool, Parameter(negative=(), help="take the tag from the run")]


def command(run: Run, tag: Tag, /, *, remove: Remove = False, library: LibraryFolder = None) -> Answer:
    """Return the run with the tags that it has now."""
    kept = library_in(library)
    if remove:
        kept.untag(run, tag)
    else:
        kept.tag(run, tag)
    tags = kept.tags_of(run)
    return Answer({"run": run, "tags": tags}, [f"{run} has {', '.join(tags) or 'no tags'}"])
