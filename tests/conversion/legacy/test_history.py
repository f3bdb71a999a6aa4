"""Command lines in the styles of old documents, scripts and issues."""

from __future__ import annotations

import pytest

from hil.conversion.legacy.explain import explain
from hil.conversion.legacy.flags import Generation
from hil.conversion.legacy.intent import Source

# name: text, generation, is it sound, rules that must speak
_LINES = {
    "float GraphDef of the TF 1.9 guide, with its download": (
        """curl https://example.org/mobilenet_v1_0.50_128_frozen.tgz \\
  | tar xzv -C /tmp
tflite_convert \\
  --output_file=/tmp/foo.tflite \\
  --graph_def_file=/tmp/mobilenet_v1_0.50_128/frozen_graph.pb \\
  --input_arrays=input \\
  --output_arrays=MobilenetV1/Predictions/Reshape_1
""",
        Generation.V1,
        True,
        {"pasted"},
    ),
    "quantized GraphDef of the same guide": (
        """tflite_convert \\
  --output_file=/tmp/foo.tflite \\
  --graph_def_file=/tmp/some_quantized_graph.pb \\
  --inference_type=QUANTIZED_UINT8 \\
  --input_arrays=input \\
  --output_arrays=MobilenetV1/Predictions/Reshape_1 \\
  --mean_values=128 \\
  --std_dev_values=127""",
        Generation.V1,
        True,
        {"fake-quant-wins", "lacking-min-max", "uint8-inside"},
    ),
    "dummy quantization": (
        (
            "tflite_convert --output_file=/tmp/foo.cc --graph_def_file=/tmp/frozen.pb "
            "--inference_type=QUANTIZED_UINT8 --input_arrays=input --output_arrays=out "
            "--default_ranges_min=0 --default_ranges_max=6 --mean_values=128 "
            "--std_dev_values=127"
        ),
        Generation.V1,
        True,
        {"default-ranges"},
    ),
    "several inputs, shapes with colons": (
        (
            "tflite_convert --graph_def_file=/tmp/inception.pb "
            "--output_file=/tmp/f.tflite "
            "--input_shapes=1,28,28,96:1,28,28,16 --input_arrays=Mixed_3b/Relu,MaxPool "
            "--output_arrays=Predictions/Reshape_1"
        ),
        Generation.V1,
        True,
        set(),
    ),
    "a picture of the graph, with an abbreviated flag": (
        (
            "tflite_convert --graph_def_file=/tmp/g.pb --output_file=/tmp/foo.dot "
            "--output_format=GRAPHVIZ_DOT --input_shape=1,128,128,3 "
            "--input_arrays=input --output_arrays=out"
        ),
        Generation.V1,
        False,
        {"output-format", "abbreviated"},
    ),
    "the poets' codelab: flags of TOCO on tflite_convert": (
        """IMAGE_SIZE=224
tflite_convert \\
  --graph_def_file=tf_files/retrained_graph.pb \\
  --output_file=tf_files/optimized_graph.lite \\
  --input_format=TENSORFLOW_GRAPHDEF \\
  --output_format=TFLITE \\
  --input_shape=1,${IMAGE_SIZE},${IMAGE_SIZE},3 \\
  --input_array=input \\
  --output_array=final_result \\
  --inference_type=FLOAT \\
  --input_data_type=FLOAT""",
        Generation.V1,
        False,
        {"ignored", "abbreviated", "variable"},
    ),
    "the poets' codelab of TF 1.7": (
        (
            'toco --input_file=tf_files/retrained.pb --output_file="tf_files/o.lite" '
            "--input_format=TENSORFLOW_GRAPHDEF --output_format=TFLITE "
            '--input_shape="1,'
            '224,224,3" --input_array=input --output_array=final_result '
            "--inference_type=FLOAT --input_data_type=FLOAT"
        ),
        Generation.TOCO,
        True,
        set(),
    ),
    "a quantized SSD by bazel": (
        """bazel run -c opt tensorflow/lite/toco:toco -- \\
--input_file=/tmp/tflite_graph.pb \\
--output_file=/tmp/detect.tflite \\
--input_shapes=1,300,300,3 \\
--input_arrays=normalized_input_image_tensor \\
--output_arrays='TFLite_Detection_PostProcess','TFLite_Detection_PostProcess:1' \\
--inference_type=QUANTIZED_UINT8 \\
--mean_values=128 \\
--std_values=128 \\
--change_concat_input_ranges=false \\
--allow_custom_ops""",
        Generation.TOCO,
        True,
        {"lacking-min-max"},
    ),
    "the same in a batch file of Windows": (
        (
            "bazel run --config=opt tensorflow/lite/toco:toco -- "
            "--input_file=%OUTPUT_DIR%/tflite_graph.pb ^\n"
            "--output_file=%OUTPUT_DIR%/detect.tflite --input_arrays=x "
            "--output_arrays=y"
        ),
        Generation.TOCO,
        True,
        {"variable"},
    ),
    "the speech example of TFLite Micro": (
        """$ bazel run tensorflow/lite/toco:toco -- \\
  --input_file=/tmp/tiny_conv.pb --output_file=/tmp/tiny_conv.tflite \\
  --input_shapes=1,49,40,1 --input_arrays=Reshape_1 --output_arrays='labels_softmax' \\
  --inference_type=QUANTIZED_UINT8 --mean_values=0 --std_values=9.8077""",
        Generation.TOCO,
        True,
        {"fake-quant-wins"},
    ),
    "a .tflite back to a GraphDef": (
        (
            "bazel run -c opt //tensorflow/lite/toco:toco -- --input_file=palm.tflite "
            "--output_file=graph.pb --input_format=TFLITE "
            "--output_format=TENSORFLOW_GRAPHDEF"
        ),
        Generation.TOCO,
        False,
        {"input-format", "output-format"},
    ),
    "a misspelt flag and a flag with a blank": (
        (
            "bazel-bin/tensorflow/contrib/lite/toco/toco --input_file=../quantized.pb "
            "--output_file=model.tflite --input_format TENSORFLOW_GRAPHDEF "
            "--inferfence_type=QUANTIZED_UINT8 --input_shape=1,128,128,3 "
            "--input_array=conv1 --output_array=w --std_value=127.5 --mean=127.5"
        ),
        Generation.TOCO,
        False,
        {"unknown", "ignored"},
    ),
    "v1 in TF 2": (
        (
            "tflite_convert --graph_def_file=/d/tflite_graph.pb "
            "--output_file=/d/o.tflite "
            "--enable_v1_converter --input_shapes=1,300,300,3 --input_arrays=n "
            "--output_arrays=P,P:1,P:2,P:3 --inference_type=QUANTIZED_UINT8 "
            "--mean_values=128 --std_dev_values=128 --change_concat_input_ranges=false "
            "--allow_custom_ops"
        ),
        Generation.V1,
        True,
        {"fake-quant-wins"},
    ),
    "BERT, six inputs, and the switch of 2019": (
        (
            "tflite_convert --graph_def_file=/tmp/albert.pb "
            "--input_arrays='ids,mask,seg' "
            "--output_arrays='cls/predictions/truediv' "
            "--input_shapes=1,128:1,128:1,128 "
            "--output_file=/tmp/albert.tflite --enable_v1_converter "
            "--experimental_new_converter"
        ),
        Generation.V1,
        True,
        set(),
    ),
    "values after blanks": (
        (
            "tflite_convert --graph_def_file ds_cnn.pb --output_file ds_cnn.tflite "
            "--input_arrays=Reshape_1 --output_arrays=labels_softmax "
            "--inference_type=QUANTIZED_UINT8 --mean_values 128 "
            "--std_dev_values 0.51619"
        ),
        Generation.V1,
        True,
        {"fake-quant-wins"},
    ),
    "a module, a SavedModel, weights only": (
        (
            "python -m tensorflow.lite.python.tflite_convert --saved_model_dir=/tmp/sm "
            "--output_file=/tmp/o.tflite --post_training_quantize=True"
        ),
        Generation.V1,
        False,
        {"grammar", "pasted"},
    ),
    "tflite_convert of today": (
        (
            "tflite_convert --saved_model_dir=/tmp/mobilenet "
            "--output_file=/tmp/mobilenet.tflite"
        ),
        Generation.V2,
        True,
        set(),
    ),
    "Keras today": (
        "tflite_convert --keras_model_file=/tmp/m.h5 --output_file=/tmp/m.tflite",
        Generation.V2,
        False,
        {"keras-file"},
    ),
}


@pytest.mark.parametrize("name", _LINES)
def test_a_line_of_its_time_is_understood(name):
    text, generation, sound, rules = _LINES[name]
    explanation = explain([text])
    assert explanation.verdict.generation is generation
    broken = [f for f in explanation.findings if f.severity.is_broken]
    assert explanation.is_sound is sound, broken
    assert rules <= {finding.rule for finding in explanation.findings}
    assert all(line.then for line in explanation.flags if line.standing == "taken")
    compile(explanation.code, name, "exec")


def test_what_the_quantized_line_means_is_read_out_of_it():
    text = _LINES["quantized GraphDef of the same guide"][0]
    intent = explain([text]).case.intent
    assert intent.source is Source.GRAPH_DEF
    assert intent.path == "/tmp/some_quantized_graph.pb"
    assert intent.dtype == "uint8"
    assert intent.stats == ((128.0, 127.0),)


def test_outputs_with_quotes_and_ports_are_kept():
    intent = explain([_LINES["a quantized SSD by bazel"][0]]).case.intent
    assert intent.output_arrays == (
        "TFLite_Detection_PostProcess",
        "TFLite_Detection_PostProcess:1",
    )
