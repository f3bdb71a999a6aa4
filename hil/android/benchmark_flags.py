"""Which flags a `benchmark_model` has: by its generation, or by its own usage text.

The tool runs on with its defaults when it does not know a flag, so a command line is
checked before it is sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.android.benchmark_output import Generation
from hil.errors import ConfigError, nearest
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NAME = re.compile(r"--(?P<name>[A-Za-z0-9_-]+)(?:=.*)?", re.DOTALL)
_USAGE = re.compile(r"\s*--(?P<name>[A-Za-z0-9_-]+)=.*?\t\w+\t(?:optional|required)\b")
# The generation that has a flag at the latest. All of them together, and v2's, are
# those of LiteRT of August 2026. The years before are a guide: a binary's usage text
# decides where it is at hand.
_FIRST = {
    Generation.Y2018: """
        graph num_runs min_secs warmup_runs warmup_min_secs run_delay num_threads
        benchmark_name output_prefix input_layer input_layer_shape use_nnapi
        """,
    Generation.Y2021: """
        max_secs use_caching allow_fp16 require_full_delegation
        input_layer_value_range input_layer_value_files enable_op_profiling
        max_profiling_buffer_entries profiling_output_csv_file use_gpu use_hexagon
        use_xnnpack gpu_precision_loss_allowed gpu_experimental_enable_quant
        nnapi_execution_preference nnapi_execution_priority nnapi_accelerator_name
        disable_nnapi_cpu nnapi_allow_fp16 max_delegated_partitions
        min_nodes_per_partition external_delegate_path external_delegate_options
        print_preinvoke_state print_postinvoke_state verbose help
        """,
    Generation.Y2023: """
        run_frequency dry_run report_peak_memory_footprint
        memory_footprint_check_interval_ms release_dynamic_tensors
        optimize_memory_for_large_tensors disable_delegate_clustering
        signature_to_run_for list_signatures output_filepath tensor_name_display_length
        tensor_type_display_length alloc_type_display_length delegate_serialize_dir
        delegate_serialize_token first_delegate_node_index last_delegate_node_index
        gpu_inference_for_sustained_speed gpu_backend gpu_wait_type
        nnapi_allow_dynamic_dimensions nnapi_use_burst_mode nnapi_support_library_path
        xnnpack_force_fp16 stable_delegate_loader_settings
        allow_dynamic_profiling_buffer_increase
        """,
    Generation.Y2025: """
        op_profiling_output_mode op_profiling_output_file result_file_path
        output_proto_filepath export_model_runtime_info model_runtime_info_output_file
        enable_builtin_cast_constant_cache gpu_invoke_loop_times
        xnnpack_weight_cache_file_path xnnpack_runtime_flags
        """,
}
_COMPILED = """
    num_runs min_secs max_secs run_delay run_frequency num_threads use_caching
    benchmark_name output_prefix warmup_runs warmup_min_secs verbose dry_run
    report_peak_memory_footprint memory_footprint_check_interval_ms
    gpu_invoke_loop_times graph signature_to_run_for use_cpu use_gpu use_npu
    dispatch_library_path compiler_plugin_library_path compiler_cache_path
    require_full_delegation use_profiler enable_perfetto gpu_backend gpu-precision
    gpu_low_priority result_file_path enable_weight_sharing input_layer_value_range
    model_runtime_info_output_file
    convert_weights_on_gpu gpu_serialization_dir gpu_model_cache_key
    gpu_serialize_external_tensors gpu_prefer_texture_weights
    gpu_wait_for_weights_conversion_complete gpu_cache_compiled_programs_only
    xnnpack_weight_cache_file_path mediatek_nerun_pilot_version
    """


def flags_of(generation: Generation) -> frozenset[str]:
    """Return the names of the flags that builds of *generation* have."""
    if generation is Generation.COMPILED:
        return frozenset(_COMPILED.split())
    names: list[str] = []
    for first, flags in _FIRST.items():
        names += flags.split()
        if first is generation:
            break
    return frozenset(names)


def flags_of_usage(text: str) -> frozenset[str]:
    """Return the flags in what `benchmark_model --help` printed, on either stream.

    ConfigError where no flag is told, as by a program that is none of these.
    """
    lines = (_USAGE.match(line) for line in text.split("\n"))
    names = frozenset(match["name"] for match in lines if match is not None)
    if "graph" not in names:
        raise ConfigError(
            "this is not the usage text of a benchmark_model",
            found=f"{len(names)} flags",
            allowed="lines '--name=default, type, optional', one of them --graph",
        )
    return names


def refuse_unknown_flags(
    argv: Sequence[str], known: Iterable[str], *, where: str
) -> None:
    """Raise ConfigError where *argv* has a flag that is not among the *known* ones.

    The tool would run on with its defaults. *where* names the binary.
    """
    names = frozenset(known)
    given = [m["name"] for arg in argv if (m := _NAME.fullmatch(arg)) is not None]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ConfigError(
            "this benchmark_model does not have a flag that the run needs",
            where=printable(where),
            found=", ".join(f"--{name}" for name in unknown),
            allowed=nearest(unknown[0], names),
            remedy="use a newer build of the tool, or do not ask for it",
        )
