"""Sizes of TFLite Micro's own structures: on a Cortex-M core, and in its Python wheel.

Measured with sizeof on tflite-micro 90b983c (August 2026), TF_LITE_STATIC_MEMORY set:
arm-none-eabi-g++ 12.2 for Cortex-M4 (pointers of 4 bytes, short enums), g++ 12.2 for
x86-64 with USE_TFLM_COMPRESSION, as the wheel is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Bytes of the structures that lie in an arena; `column` is that of the tables.

    All are aligned to a pointer. `recorder` is what RecordingMicroAllocator and its
    buffer allocator are larger than the plain ones.
    """

    column: int
    pointer: int
    buffer_allocator: int  # RecordingSingleArenaBufferAllocator
    planner: int  # GreedyMemoryPlanner
    allocator: int  # RecordingMicroAllocator
    plain_buffer_allocator: int  # SingleArenaBufferAllocator
    plain_allocator: int  # MicroAllocator
    options_allocator: int  # MicroBuiltinDataAllocator
    subgraph: int  # SubgraphAllocations
    eval_tensor: int  # TfLiteEvalTensor
    tensor: int  # TfLiteTensor
    quantization: int  # TfLiteAffineQuantization
    node: int  # NodeAndRegistration
    scratch_request: int  # internal::ScratchBufferRequest
    allocation_info: int  # AllocationInfo


CORTEX_M: Final = Layout(
    column=0,
    pointer=4,
    buffer_allocator=52,
    planner=44,
    allocator=124,
    plain_buffer_allocator=36,
    plain_allocator=36,
    options_allocator=8,
    subgraph=8,
    eval_tensor=12,
    tensor=32,
    quantization=12,
    node=32,
    scratch_request=12,
    allocation_info=24,
)

WHEEL: Final = Layout(
    column=1,
    pointer=8,
    buffer_allocator=104,
    planner=72,
    allocator=272,
    plain_buffer_allocator=72,
    plain_allocator=72,
    options_allocator=16,
    subgraph=24,
    eval_tensor=24,
    tensor=64,
    quantization=24,
    node=64,
    scratch_request=16,
    allocation_info=32,
)
