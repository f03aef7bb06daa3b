"""A compiler for functions that only compiled code calls: they are optimized within their caller, once.

By default numba optimizes each such function with all that it calls, and makes machine code of it, before its caller
inlines it. For a scan of a hundred functions, nested up to ten deep, that is half of the compile time.
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
    """The unoptimized code of a function and of those that it calls, for its callers to link."""

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
    """Lowers a function for its callers alone. Raises LoweringError if it returns an array without reference counts."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        if not state.flags.nrt and _holds_array(state.return_type):
            raise LoweringError(f"{state.func_id.func_name} returns an array: it has to count references to it")
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        # Callers find the function by this object, which has no address to call.
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
    """Numba's compiler without the step that makes machine code."""

    def define_pipelines(self) -> list[Any]:
        """Return numba's passes, with ``_PartLowering`` in place of the one that makes machine code."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (_PartLowering, described) if kind is NativeLowering else (kind, described)
            for kind, described in passes.passes
        ]
        passes.finalize()
        return [passes]
