"""Compile the parts of other compiled code: optimized once, within the whole, and never made into machine code alone.

By itself numba optimizes every function with all that it calls, and makes machine code of it, before a caller takes it
in. Of a scan of a hundred parts, some nested ten deep, that takes as long as all else.
"""

# mypy: allow-untyped-calls
# Numba's compiler has no types.
from typing import Any

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import register_pass
from numba.core.errors import LoweringError
from numba.core.typed_passes import NativeLowering


class _PartLibrary(JITCodeLibrary):
    """The code of a part, with that of its own parts, as it is before it is optimized."""

    def finalize(self) -> None:
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)  # noqa: SLF001 - as its base does
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)  # noqa: SLF001
        self._final_module.verify()
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    """Makes a part known to what calls it. Raises LoweringError for one whose array nobody would count."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        if not state.flags.nrt and _holds_array(state.return_type):
            raise LoweringError(f"{state.func_id.func_name} returns an array: it has to count references to it")
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        # What stands for the part, without an address.
        known = _dynfunc.make_function(
            lowered.fndesc.lookup_module(), state.func_id.func_name, "", 0, lowered.env, (state.library,)
        )
        state.targetctx.insert_user_function(known, lowered.fndesc, [state.library])
        state.reload_init.extend(state.library._reload_init)  # noqa: SLF001 - as its base does
        state["cr"] = _LowerResult(lowered.fndesc, lowered.call_helper, cfunc=known, env=lowered.env)
        return True


def _holds_array(kind: Any) -> bool:
    if isinstance(kind, types.BaseTuple):
        return any(_holds_array(part) for part in kind.types)  # type: ignore[attr-defined]
    return isinstance(kind, types.Array)


class PartCompiler(CompilerBase):
    """Numba's compiler, but for the last step."""

    def define_pipelines(self) -> list[Any]:
        """Return numba's own passes, with the one that makes machine code replaced."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (_PartLowering, described) if kind is NativeLowering else (kind, described)
            for kind, described in passes.passes
        ]
        passes.finalize()
        return [passes]
