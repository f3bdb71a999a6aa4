"""What the firmware makes of TFLite Micro's messages, compiled for this machine."""

from __future__ import annotations

import shutil

import pytest

from hil.codegen.templates import shipped_templates
from hil.deadline import Deadline
from hil.tools import run

MAIN = """
#include <cstdarg>
#include <cstdint>
#include <cstdio>

#include "hil_tflm_log.h"

extern "C" void DebugLog(const char* format, va_list args);

static void say(const char* format, ...) {
  va_list args;
  va_start(args, format);
  DebugLog(format, args);
  va_end(args);
}

static void tell() {
  uint32_t missing = 0;
  bool known = hil::log_tells_missing(&missing);
  printf("%s|%d|%u\\n", hil::log_text(), known, (unsigned)missing);
  hil::log_clear();
}

int main() {
  say("Failed to resize buffer. Requested: %u, available %u, missing: %u",
      900u, 200u, 700u);
  say("Failed to allocate the second");
  tell();
  say("Node %s (number %u) failed to prepare with status %d", "CONV_2D", 3u, -1);
  tell();
  say("two\\nlines, %zu of %lu", (size_t)7, 4294967296ul);
  tell();
  say("value %f, then %d", 1.5, 2);
  tell();
  say("%s", "a text that is longer than an answer of the protocol can be: "
      "123456789 123456789 123456789 123456789 123456789 123456789 "
      "123456789 123456789 123456789 123456789 123456789");
  tell();
  tell();
}
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    if shutil.which("c++") is None:
        pytest.skip("c++ is not installed")
    folder = tmp_path_factory.mktemp("log")
    engine = shipped_templates() / "engines" / "tflm"
    (folder / "main.cc").write_text(MAIN)
    argv = ["c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined"]
    argv += [f"-I{engine}", "main.cc", str(engine / "hil_tflm_log.cc"), "-o", "log"]
    run(argv, cwd=folder, deadline=Deadline(60))
    output = run([str(folder / "log")], deadline=Deadline(60))
    return output.stdout.decode().splitlines()


def test_the_first_message_is_kept_with_the_bytes_that_it_misses(lines):
    words = "Failed to resize buffer. Requested: 900, available 200, missing: 700"
    assert lines[0] == f"{words}|1|700"


def test_names_and_signed_numbers_are_filled_in(lines):
    assert lines[1] == "Node CONV_2D (number 3) failed to prepare with status -1|0|0"


def test_lines_become_one_and_long_numbers_are_whole(lines):
    assert lines[2] == "two lines, 7 of 4294967296|0|0"


def test_nothing_is_read_behind_a_value_of_another_kind(lines):
    assert lines[3] == "value %...|0|0"


def test_a_long_message_is_cut_at_what_an_answer_holds(lines):
    assert len(lines[4].partition("|")[0]) == 160


def test_without_a_message_the_text_is_empty(lines):
    assert lines[5] == "|0|0"
