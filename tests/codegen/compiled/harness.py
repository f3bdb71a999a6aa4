"""Builds generated models for this machine and runs them on inputs from Python.

Many models become one program: their C is renamed so that it can stand in one file.
The program reads the inputs of every run from standard input and writes the outputs.
Each model gets an arena of exactly the planned size, so that a sanitizer sees a byte
beyond it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hil.codegen.compiled import generate
from hil.codegen.source import write
from hil.codegen.templates import shipped_templates
from hil.deadline import Deadline
from hil.engines.litert import Kernels, LitertEngine
from hil.tools import run

if TYPE_CHECKING:
    from collections.abc import Sequence

objects = Path()  # where the kernels are built; the fixture says it
ENGINES = shipped_templates() / "engines"
FLAGS = {
    "cortex-m4": (
        "-O2",
        *("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
        "--specs=rdimon.specs",
    ),
    "fast": ("-O2",),
    "sanitized": ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"),
}
_WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror")
_NAMES = re.compile(r"\b(operator_\d+|constant_\d+|hil_model_[a-z0-9_]+\b(?!\.h))")
_MAIN = """
#include <stdio.h>
#include <stdlib.h>
struct model { const hil_model_operator *operators; int count;
  const struct hil_model_tensor *inputs; int in; const struct hil_model_tensor *outputs;
  int out; size_t arena; int runs; };
static const struct model models[] = {
%s
};
int main(void) {
  for (size_t m = 0; m < sizeof models / sizeof *models; ++m) {
    const struct model *model = &models[m];
    uint8_t *arena = aligned_alloc(16, model->arena + 16 * (model->arena == 0));
    for (int r = 0; r < model->runs; ++r) {
      for (int i = 0; i < model->in; ++i) {
        const struct hil_model_tensor t = model->inputs[i];
        if (fread(arena + t.offset, 1, t.size, stdin) != t.size) return 3;
      }
      for (int i = 0; i < model->count; ++i) model->operators[i](arena);
      for (int i = 0; i < model->out; ++i) {
        fwrite(arena + model->outputs[i].offset, 1, model->outputs[i].size, stdout);
      }
    }
    free(arena);
  }
  return 0;
}
"""
# The same program on an emulated Cortex-M4: the monitor's files stand for the streams.
_LINK = """
MEMORY { code : ORIGIN = 0, LENGTH = 4M
         ram : ORIGIN = 0x21000000, LENGTH = 16M }
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } > code
  .ARM.exidx : { *(.ARM.exidx*) } > code
  .data : { *(.data*) } > ram
  .bss : { *(.bss*) *(COMMON) } > ram
  end = .;
}
"""
_START = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
extern void initialise_monitor_handles(void);
extern int main(void);
static void start(void) {
  *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* the floating point unit */
  initialise_monitor_handles();
  if (freopen("in", "rb", stdin) == NULL) exit(9);
  if (freopen("out", "wb", stdout) == NULL) exit(9);
  exit(main());
}
static void fault(void) { exit(8); }
void _init(void);
void _fini(void);
void _init(void) {}
void _fini(void) {}
/* newlib's wants an operating system; no kernel needs more than malloc's 8 bytes. */
void *aligned_alloc(size_t alignment, size_t size) {
  (void)alignment;
  return malloc(size);
}
__attribute__((section(".vectors"), used)) static const struct {
  uint32_t stack;
  void (*handlers[5])(void);
} vectors = {0x22000000, {start, fault, fault, fault, fault}};
"""
_ENGINE_MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "hil_engine.h"
#include "hil_model.h"
int main(void) {
  uint8_t *arena = aligned_alloc(16, HIL_MODEL_ARENA_BYTES);
  if (hil_engine_invoke(NULL).status != HIL_ENGINE_INVOKE_FAILED) return 6;
  if (hil_engine_input(0).data != NULL) return 6;
  const struct hil_engine_error small =
      hil_engine_prepare(NULL, 0, arena, HIL_MODEL_ARENA_BYTES - 3);
  if (small.status != HIL_ENGINE_DOES_NOT_FIT_ARENA || small.detail != 3) return 7;
  if (hil_engine_prepare(arena, 9, arena, HIL_MODEL_ARENA_BYTES).status !=
      HIL_ENGINE_BAD_MODEL) {
    return 8;
  }
  if (hil_engine_prepare(NULL, 0, arena, HIL_MODEL_ARENA_BYTES).status) return 4;
  for (;;) {
    for (uint32_t i = 0; i < hil_engine_input_count(); ++i) {
      const struct hil_bytes bytes = hil_engine_input(i);
      if (fread(bytes.data, 1, bytes.size, stdin) != bytes.size) {
        free(arena);
        return 0;
      }
    }
    if (hil_engine_invoke(NULL).status) return 5;
    for (uint32_t i = 0; i < hil_engine_output_count(); ++i) {
      fwrite(hil_engine_output(i).data, 1, hil_engine_output(i).size, stdout);
    }
  }
}
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A model and the inputs of its runs."""

    name: str
    model: bytes
    runs: Sequence[Sequence[np.ndarray]]


@cache
def reference(case: Case) -> list[list[np.ndarray]]:
    """What LiteRT's reference kernels make of each run."""
    engine = LitertEngine(Kernels.REFERENCE)
    engine.load(case.model)
    return [engine.invoke(inputs) for inputs in case.runs]


def random_inputs(model: bytes, *, runs: int, seed: int = 0) -> list[list[np.ndarray]]:
    """Inputs over the whole range of integers; floats around zero."""
    engine = LitertEngine(Kernels.REFERENCE)
    engine.load(model)
    rng = np.random.default_rng(seed)
    return [
        [_random(rng, spec.shape, spec.dtype, run) for spec in engine.inputs]
        for run in range(runs)
    ]


def _random(rng, shape, dtype, run) -> np.ndarray:
    if dtype.kind == "f":
        return rng.normal(0, 3, shape).astype(dtype)
    info = np.iinfo(dtype)
    if run == 1:  # the ends, where sums are largest
        return rng.choice([info.min, info.max], shape).astype(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)


def run_together(
    cases: Sequence[Case], folder: Path, *, flags: str
) -> list[list[list[np.ndarray]]]:
    """Build all *cases* into one program and return what each run gave."""
    expected = [reference(case) for case in cases]
    parts = ['#include "hil_model.h"', '#include "hil_kernels.h"', "#include <math.h>"]
    rows = []
    for number, case in enumerate(cases):
        made = generate(case.model, Path(f"{case.name}.tflite"))
        text = _NAMES.sub(rf"m{number}_\1", made.files[1].text)
        parts.append(
            text.replace(f"m{number}_hil_model_operator ", "hil_model_operator ")
        )
        for shared in ("tensor", "numbers"):
            parts[-1] = parts[-1].replace(
                f"struct m{number}_hil_model_{shared}", f"struct hil_model_{shared}"
            )
        counts = re.findall(r"#define HIL_MODEL_(\w+) (\d+)u", made.files[0].text)
        sizes = dict(counts)
        name = f"m{number}_hil_model"
        rows.append(
            f"{{{name}_operators, {sizes['OPERATORS']}, {name}_inputs, "
            f"{sizes['INPUTS']}, {name}_outputs, {sizes['OUTPUTS']}, "
            f"{sizes['ARENA_BYTES']}, {len(case.runs)}}},"
        )
    parts.append(_MAIN % "\n".join(rows))
    write(generate(cases[0].model, Path("m.tflite")).files[:1], folder)
    main = folder / "main.c"
    main.write_text("\n".join(parts))
    output = _build_and_run(folder, [main], [case.runs for case in cases], flags=flags)
    return _split(output, expected)


def run_engine(case: Case, folder: Path, *, flags: str) -> list[list[np.ndarray]]:
    """Build one case behind hil_engine.h, as firmware does, and return its outputs."""
    expected = reference(case)
    paths = write(generate(case.model, Path(f"{case.name}.tflite")).files, folder)
    main = folder / "main.c"
    main.write_text(_ENGINE_MAIN)
    sources = [main, paths[1], ENGINES / "compiled" / "hil_engine_compiled.c"]
    output = _build_and_run(folder, sources, [case.runs], flags=flags)
    return _split(output, [expected])[0]


def _build_and_run(folder, sources, runs, *, flags) -> bytes:
    program = folder / "program"
    stdin = b"".join(
        np.ascontiguousarray(value).tobytes()
        for case in runs
        for inputs in case
        for value in inputs
    )
    extra = []
    if flags == "cortex-m4":
        (folder / "start.c").write_text(_START)
        (folder / "link.ld").write_text(_LINK)
        extra = [
            str(folder / "start.c"),
            "-nostartfiles",
            "-T",
            str(folder / "link.ld"),
        ]
    argv = [*_compiler(flags), f"-I{folder}", *map(str, sources), *extra]
    argv += [*map(str, _kernels(flags)), "-o", str(program), "-lm"]
    run(argv, deadline=Deadline(120))
    if flags != "cortex-m4":
        return run([str(program)], deadline=Deadline(120), stdin=stdin).stdout
    (folder / "in").write_bytes(stdin)
    emulator = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none"]
    emulator += ["-serial", "null", "-kernel", str(program)]
    emulator += ["-semihosting-config", "enable=on,target=native"]
    run(emulator, deadline=Deadline(120), cwd=folder)
    return (folder / "out").read_bytes()


def _compiler(flags) -> list[str]:
    gcc = "arm-none-eabi-gcc" if flags == "cortex-m4" else "gcc"
    return [gcc, *_WARNINGS, *FLAGS[flags], f"-I{ENGINES}", f"-I{ENGINES / 'compiled'}"]


@cache
def _kernels(flags) -> list[Path]:
    """The kernels as objects, made once for all tests."""
    folder = objects / flags
    folder.mkdir()
    sources = [
        path
        for path in sorted((ENGINES / "compiled").glob("*.c"))
        if path.name != "hil_engine_compiled.c"
    ]
    argv = [*_compiler(flags), "-c", *map(str, sources)]
    run(argv, deadline=Deadline(120), cwd=folder)
    return sorted(folder.glob("*.o"))


def _split(output, expected) -> list[list[list[np.ndarray]]]:
    place = 0
    results = []
    for runs in expected:
        results.append([])
        for outputs in runs:
            values = []
            for want in outputs:
                part = output[place : place + want.nbytes]
                values.append(np.frombuffer(part, want.dtype).reshape(want.shape))
                place += want.nbytes
            results[-1].append(values)
    assert place == len(output)
    return results


def differences(case: Case, got: Sequence[Sequence[np.ndarray]]) -> list[str]:
    """Say where integers differ at all, or floats by more than 1e-5 relative."""
    found = []
    for number, (wanted, given) in enumerate(zip(reference(case), got, strict=True)):
        for want, value in zip(wanted, given, strict=True):
            if want.dtype.kind == "f":
                # Sums of both signs cancel: their error scales with the largest term.
                size = max(float(np.abs(want).max(initial=0)), 1e-6)
                same = bool(np.all(np.abs(want - value) <= 1e-5 * size))
            else:
                same = np.array_equal(want, value)
            if not same:
                worst = np.abs(want.astype(float) - value.astype(float)).max()
                found.append(f"{case.name}, run {number}: off by up to {worst}")
    return found
