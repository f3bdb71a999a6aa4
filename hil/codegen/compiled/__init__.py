"""A .tflite as C11 that needs nothing but a C compiler: the engine `compiled`."""

from hil.codegen.compiled.model import CompiledModel, generate

__all__ = ["CompiledModel", "generate"]
