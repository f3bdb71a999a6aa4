from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Done, Host

    from hil.tools import Child

TMP = "/data/local/tmp"
LAYER = "--input_layer=a --input_layer_shape=1,8,8,1"
QUICK = "--num_runs=5 --min_secs=0 --warmup_runs=2 --warmup_min_secs=0"
COUNT = re.compile(
    r"INFO: count=(\d+)(?: first=\d+)? curr=\d+(?:\(all same\))?"
    r"(?: min=\d+ max=\d+ avg=[0-9.e+]+ std=\d+)? p5=\d+ median=\d+ p95=\d+"
)
XNNPACK = "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"


@pytest.fixture
def model(push: Callable[[str, bytes], None], digits: Path) -> str:
    """Put the digits model on the phone and return its path there."""
    push(f"{TMP}/m.tflite", (digits / "digits.tflite").read_bytes())
    return f"{TMP}/m.tflite"


@pytest.fixture
def bench(host: Host, model: str) -> Callable[..., Done]:
    """Run benchmark_model in the working folder, where the model lies as m.tflite."""
    assert model == f"{TMP}/m.tflite"

    def run(arguments: str, *, prefix: str = "") -> Done:
        return host.shell(f"cd {TMP}; {prefix} ./benchmark_model {arguments}")

    return run


@pytest.fixture
def push(host: Host) -> Callable[[str, bytes], None]:
    """Put a file on the phone through the shell."""

    def put(path: str, data: bytes) -> None:
        ours, theirs = host.open(f"exec:head -c {len(data)} > {path}")
        host.write(ours, theirs, data)
        assert host.read() is None

    return put


def test_a_run_prints_the_lines_of_the_real_program_in_their_order(
    bench: Callable[..., Done],
) -> None:
    done = bench(f"--graph=m.tflite {QUICK}")
    assert (done.status, done.stderr) == (0, XNNPACK)
    expected = [
        "INFO: STARTING!",
        r"INFO: Log parameter values verbosely: \[0\]",
        r"INFO: Min num runs: \[5\]",
        r"INFO: Min runs duration \(seconds\): \[0\]",
        r"INFO: Min warmup runs: \[2\]",
        r"INFO: Min warmup runs duration \(seconds\): \[0\]",
        r"INFO: Graph: \[m.tflite\]",
        r"INFO: Signature to run: \[\]",
        "INFO: Loaded model m.tflite",
        "INFO: Using signature: serving_default",
        r"INFO: The input model file size \(MB\): 0\.\d+",
        r"INFO: Initialized session in [0-9.]+ms\.",
        (
            "INFO: Running benchmark for at least 2 iterations and at least 0 seconds "
            r"but terminate if exceeding 150 seconds\."
        ),
        COUNT.pattern,
        "",
        (
            "INFO: Running benchmark for at least 5 iterations and at least 0 seconds "
            r"but terminate if exceeding 150 seconds\."
        ),
        COUNT.pattern,
        "",
        (
            r"INFO: Inference timings in us: Init: \d+, First inference: \d+, "
            r"Warmup \(avg\): [0-9.e+]+, Inference \(avg\): [0-9.e+]+"
        ),
        r"INFO: Note: as the benchmark tool itself affects memory footprint, .*\.",
        (
            r"INFO: Memory footprint delta from the start of the tool \(MB\): "
            r"init=[0-9.]+ overall=[0-9.]+"
        ),
    ]
    lines = done.stdout.splitlines()
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)


@pytest.mark.parametrize(
    ("flags", "warmups", "runs"),
    [
        (QUICK, 2, 5),
        ("--warmup_runs=0 --warmup_min_secs=0 --num_runs=1 --min_secs=0", 0, 1),
        ("--num_runs=100000000 --max_secs=0 --warmup_runs=100000000", 1, 1),
        ("--dry_run=true", 0, 0),
    ],
)
def test_the_loops_follow_the_flags(
    bench: Callable[..., Done], flags: str, warmups: int, runs: int
) -> None:
    counts = re.findall(
        r"^INFO: count=(\d+)", bench(f"--graph=m.tflite {flags}").stdout, re.MULTILINE
    )
    found = [int(count) for count in counts]
    if "max_secs" in flags:  # whoever is fast may run more than once in no microsecond
        assert found[0] < 1000 > found[1]
    else:
        assert found == [warmups, runs]


def test_the_minimum_of_seconds_is_kept(bench: Callable[..., Done]) -> None:
    done = bench("--graph=m.tflite --num_runs=1 --min_secs=0.2 --warmup_min_secs=0.01")
    counts = [
        int(c) for c in re.findall(r"^INFO: count=(\d+)", done.stdout, re.MULTILINE)
    ]
    averages = [float(a) for a in re.findall(r"avg=([0-9.e+]+)", done.stdout)]
    assert counts[1] * averages[1] <= 1e6
    assert counts[1] > counts[0] > 1


@pytest.mark.parametrize(
    ("flags", "resolver"),
    [
        ("", OpResolverType.AUTO),
        ("--use_xnnpack=false", OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES),
        ("--num_threads=2", OpResolverType.AUTO),
    ],
)
def test_the_outputs_are_those_of_litert_on_the_host_bit_for_bit(
    bench: Callable[..., Done],
    push: Callable[[str, bytes], None],
    host: Host,
    digits: Path,
    flags: str,
    resolver: OpResolverType,
) -> None:
    interpreter = Interpreter(
        model_path=str(digits / "digits.tflite"), experimental_op_resolver_type=resolver
    )
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    values = np.random.default_rng(1).random(detail["shape"], np.float32)
    interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    push(f"{TMP}/in.bin", values.tobytes())
    shape = ",".join(map(str, detail["shape"]))
    name = detail["name"]
    done = bench(
        f"--graph={TMP}/m.tflite {QUICK} {flags} --input_layer={name} "
        f"--input_layer_shape={shape} "
        f"--input_layer_value_files={name.replace(':', '::')}:in.bin "
        f"--output_filepath={TMP}/out.bin"
    )
    assert done.status == 0
    assert (done.stderr == XNNPACK) == ("use_xnnpack" not in flags)
    host.open(f"exec:cat {TMP}/out.bin")
    assert host.rest() == expected.tobytes()


def test_a_missing_model_fails_as_the_real_program_does(
    bench: Callable[..., Done],
) -> None:
    done = bench("--graph=nothing.tflite")
    assert done.status == 1
    assert done.stderr == (
        "ERROR: Could not open '/data/local/tmp/nothing.tflite'.The model allocation "
        "is null/empty\n"
        "ERROR: Failed to load model nothing.tflite\n"
        "ERROR: Benchmarking failed.\n"
    )


@pytest.mark.parametrize(
    ("graph", "texts"),
    [
        ("benchmark_model", ["ERROR: Failed to load model benchmark_model"]),
        ("/dev/null", ["ERROR: Failed to load model /dev/null"]),
        ("../../../../../etc/passwd", ["Could not open '/etc/passwd'"]),
        ("/proc/version", ["ERROR: Failed to load model /proc/version"]),
        ("", ["Please specify the name of your TF Lite input file with --graph"]),
    ],
)
def test_no_file_but_a_model_of_the_phone_is_loaded(
    bench: Callable[..., Done], graph: str, texts: list[str]
) -> None:
    done = bench(f"--graph={graph} {QUICK}")
    assert done.status == 1
    assert done.stderr.endswith("ERROR: Benchmarking failed.\n")
    for text in texts:
        assert text in done.stderr
    assert "hil-phone" not in done.stdout + done.stderr


def test_unknown_flags_are_named_and_do_not_fail(bench: Callable[..., Done]) -> None:
    done = bench(f"--graph=m.tflite {QUICK} --foo --enable_op_profiling=true")
    assert (
        "WARN: Unconsumed cmdline flags: --foo --enable_op_profiling=true\n"
        in done.stdout
    )
    assert done.status == 0


def test_help_prints_the_flags_and_exits_with_one(bench: Callable[..., Done]) -> None:
    done = bench("--help")
    assert done.status == 1
    assert done.stderr.startswith(
        "ERROR: usage: ./benchmark_model\nFlags:\n\t--num_runs=50"
    )


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (
            "--use_gpu=true",
            (
                "INFO: Though GPU delegate is explicitly applied, the model graph "
                "will not be executed by the delegate."
            ),
        ),
        (
            "--use_nnapi=1",
            (
                "INFO: Though NNAPI delegate is explicitly applied, the model graph "
                "will not be executed by the delegate."
            ),
        ),
        (
            "--use_xnnpack=true --require_full_delegation=true",
            (
                "INFO: Explicitly applied XNNPACK delegate, and the model graph will "
                "be completely executed by the delegate."
            ),
        ),
    ],
)
def test_delegates_are_reported_as_they_are(
    bench: Callable[..., Done], flags: str, line: str
) -> None:
    done = bench(f"--graph=m.tflite {QUICK} {flags}")
    assert line in done.stdout.splitlines()
    assert done.status == 0


@pytest.mark.parametrize("flags", ["", "--use_gpu=true", "--use_xnnpack=false"])
def test_full_delegation_cannot_be_had_without_a_delegate(
    bench: Callable[..., Done], flags: str
) -> None:
    done = bench(f"--graph=m.tflite {QUICK} --require_full_delegation=true {flags}")
    assert done.status == 1
    assert (
        "ERROR: Disallowed CPU fallback detected.\nERROR: Benchmarking failed.\n"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            "--input_layer_value_files=x:in.bin",
            "FATAL: Cannot find the corresponding input_layer name(x)",
        ),
        (
            f"{LAYER} --input_layer_value_files=a:in.bin",
            "FATAL: Failed to read the input_layer_value_file:in.bin",
        ),
        (
            f"{LAYER} --input_layer_value_files=a:m.tflite",
            "bytes. It should be 256 bytes.",
        ),
        (
            "--input_layer=a,b --input_layer_shape=1:1",
            "FATAL: Inputs mismatch: Model inputs #:2 expected: 1",
        ),
    ],
)
def test_wrong_input_files_abort_as_the_real_program_does(
    bench: Callable[..., Done], flags: str, text: str
) -> None:
    done = bench(f"--graph=m.tflite {QUICK} {flags}")
    assert text in done.stderr
    assert done.stderr.endswith("Aborted \n")
    assert done.status == 134


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            "--input_layer=a",
            "ERROR: The number of items in --input_layer_shape (, with 0 items)",
        ),
        (
            "--input_layer=a --input_layer_shape=-1,8",
            "ERROR: Any unknown sizes in the shapes",
        ),
        (
            "--input_layer=a --input_layer_shape=1,8",
            "ERROR: Input tensor #0 should have 4 dimensions!",
        ),
        (
            "--input_layer=a --input_layer_shape=1,8,8,1 --input_layer_value_files=a",
            "ERROR: Wrong input value file",
        ),
        (
            f"{LAYER} --input_layer_value_range=a,2,1",
            "ERROR: Wrong input value range",
        ),
        ("--signature_to_run_for=other", "ERROR:  #> Signature key: serving_default"),
        ("--list_signatures=true", "ERROR: Benchmarking failed."),
        ("--num_threads=-5", "ERROR: Failed to set thread number"),
        ("--num_runs=many", "ERROR: Failed to parse flag: --num_runs"),
    ],
)
def test_wrong_flags_fail_with_a_reason(
    bench: Callable[..., Done], flags: str, text: str
) -> None:
    done = bench(f"--graph=m.tflite {flags}")
    assert text in done.stderr
    assert done.status == 1


def test_another_name_of_an_input_is_warned_of(bench: Callable[..., Done]) -> None:
    done = bench(
        f"--graph=m.tflite {QUICK} --input_layer=other --input_layer_shape=1,8,8,1"
    )
    assert re.search(
        r"^WARN: Tensor # 0 is named \S+ but flags call it other$",
        done.stdout,
        re.MULTILINE,
    )
    assert done.status == 0


def test_the_memory_block_comes_when_it_is_asked_for(
    bench: Callable[..., Done],
) -> None:
    done = bench(f"--graph=m.tflite {QUICK} --report_peak_memory_footprint=true")
    tail = done.stdout.splitlines()[-5:]
    assert re.fullmatch(
        r"INFO: Overall peak memory footprint \(MB\) via periodic monitoring: [0-9.]+",
        tail[0],
    )
    assert tail[1] == "INFO: Memory status at the end of exeution:"
    assert re.fullmatch(r"INFO: - VmRSS              : \d+ MB", tail[2])
    assert re.fullmatch(r"INFO: \+ RssAnnon           : \d+ MB", tail[3])
    assert re.fullmatch(r"INFO: \+ RssFile \+ RssShmem : \d+ MB", tail[4])


@pytest.mark.usefixtures("model")
def test_a_run_can_be_seen_pinned_and_killed_from_outside(
    host: Host, port: int, new_host: Callable[[int], Host]
) -> None:
    host.open(
        f"shell,v2,raw:cd {TMP}; taskset 1 ./benchmark_model --graph=m.tflite "
        "--min_secs=120 > /dev/null"
    )
    other = new_host(port)
    other.connect()
    done = other.shell(
        "while ! pidof benchmark_model; do sleep 0.01; done;"
        "p=$(pidof benchmark_model);"
        "while ! grep -q VmHWM /proc/$p/status; do sleep 0.01; done;"
        "cat /proc/$p/status; cat /proc/$p/cmdline; kill -9 $p"
    )
    pid = done.stdout.split()[0]
    fields = dict(re.findall(r"^(\w+):\t(.*)$", done.stdout, re.MULTILINE))
    assert (fields["Name"], fields["Pid"], fields["Uid"]) == (
        "benchmark_model",
        pid,
        "2000\t2000\t2000\t2000",
    )
    assert int(fields["VmHWM"].removesuffix(" kB")) > 1000
    assert fields["Cpus_allowed"] == "1"
    assert "./benchmark_model\0--graph=m.tflite\0" in done.stdout
    assert host.rest().endswith(b"\2\10\0\0\0Killed \n\3\1\0\0\0\x89")


@pytest.mark.usefixtures("model")
def test_the_shell_before_exec_and_the_program_have_one_number(
    host: Host, port: int, new_host: Callable[[int], Host]
) -> None:
    program = "./benchmark_model --graph=m.tflite --min_secs=120"
    host.open(f"exec:cd {TMP}; sh -c 'echo $$; exec {program} && echo not here'")
    shell = host.read()
    assert shell is not None
    other = new_host(port)
    other.connect()
    done = other.shell(
        "while ! pidof benchmark_model; do sleep 0.01; done;"
        "kill $(pidof benchmark_model)"
    )
    assert done.stdout == shell.decode()
    rest = host.rest()
    assert rest.endswith(b"Terminated \n")
    assert b"not here" not in rest


@pytest.mark.usefixtures("model")
def test_a_closed_stream_ends_the_run_in_it(
    host: Host, port: int, new_host: Callable[[int], Host]
) -> None:
    gone = new_host(port)
    gone.connect()
    gone.open(
        f"shell,v2,raw:cd {TMP}; ./benchmark_model --graph=m.tflite --min_secs=120"
    )
    host.shell("while ! pidof benchmark_model; do sleep 0.01; done")
    gone.close()
    done = host.shell("while pidof benchmark_model; do sleep 0.01; done; echo gone")
    assert done.stdout.endswith("gone\n")


@pytest.mark.usefixtures("model")
def test_a_copy_of_the_program_runs_and_a_changed_one_does_not(host: Host) -> None:
    done = host.shell(
        f"cd {TMP}; cp benchmark_model b; ./b --graph=m.tflite {QUICK} | grep -c count="
    )
    assert done.stdout == "2\n"
    done = host.shell(f"cd {TMP}; echo x >> b; ./b --graph=m.tflite")
    assert "benchmark_model.: inaccessible" in done.stderr or done.status == 127


@pytest.mark.usefixtures("model")
def test_one_script_on_the_phone_runs_many_samples(
    host: Host, push: Callable[[str, bytes], None]
) -> None:
    script = (
        "i=0\nwhile read name; do\n"
        "  ./benchmark_model --graph=$1 --num_runs=1 --min_secs=0 --warmup_runs=0"
        " --warmup_min_secs=0 --output_filepath=out.$name > log.$name 2>&1 || exit 1\n"
        "  i=$((i+1))\ndone < names\necho $i\nls out.* | wc -l\ncat out.* | wc -c\n"
    )
    push(f"{TMP}/script.sh", script.encode())
    push(f"{TMP}/names", "".join(f"{n}\n" for n in range(10)).encode())
    done = host.shell(f"cd {TMP}; sh script.sh m.tflite")
    assert (done.stdout, done.stderr) == ("10\n10\n400\n", "")


def test_a_run_goes_on_when_the_file_for_its_output_is_full(
    start_phone: Callable[..., tuple[Child, int]],
    profile_file: Callable[..., Path],
    new_host: Callable[[int], Host],
    digits: Path,
) -> None:
    host = new_host(start_phone(profile_file(storage_bytes="1000000"))[1])
    host.connect()
    data = (digits / "digits.tflite").read_bytes()
    ours, theirs = host.open(f"exec:head -c {len(data)} > {TMP}/m.tflite")
    host.write(ours, theirs, data)
    assert host.read() is None
    done = host.shell(
        f"cd {TMP}; head -c 4090 /dev/zero > log; cat /dev/zero > fill; "
        f"./benchmark_model --graph=m.tflite {QUICK} >> log; echo $?; wc -c log"
    )
    assert done.stdout == "0\n4096 log\n"


def test_a_run_ends_when_nobody_reads_its_output(bench: Callable[..., Done]) -> None:
    done = bench("--graph=m.tflite --min_secs=120 --warmup_min_secs=0.3 | head -n 1")
    assert (done.stdout, done.status) == ("INFO: STARTING!\n", 0)


def test_what_a_run_writes_counts_as_stored(
    bench: Callable[..., Done], host: Host
) -> None:
    def used() -> int:
        return int(host.shell("df | tail -n 1").stdout.split()[2])

    before = used()
    bench(f"--graph=m.tflite {QUICK} --output_filepath=out.bin")
    assert used() - before == 4
    for place in ("/system/out.bin", "no/folder", "n" * 300, "/x" * 600, ""):
        done = bench(f"--graph=m.tflite {QUICK} --output_filepath={place}")
        assert done.status == 0
    assert used() - before == 4
    assert host.shell("ls /system").stdout == "bin\n"


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        "hello_world_float",
        "hello_world_int8",
        "kws_ref_model",
        "pretrainedResnet_quant",
    ],
)
def test_real_models_run(
    host: Host, push: Callable[[str, bytes], None], shared: Path, name: str
) -> None:
    push(f"{TMP}/m.tflite", (shared / "models" / f"{name}.tflite").read_bytes())
    done = host.shell(f"cd {TMP}; ./benchmark_model --graph=m.tflite {QUICK}")
    assert done.status == 0
    assert [int(count) for count in COUNT.findall(done.stdout)] == [2, 5]
