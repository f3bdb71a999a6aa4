// Made by hil 0.0.0 (hil codegen); do not edit.
// model:   tiny model<U+002A>/<U+00E9>.tflite
// sha256:  0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
// variant: int8
// size:    43 bytes
// label:   full int8, float boundary

#ifndef HIL_tiny_model_OP_RESOLVER_H_
#define HIL_tiny_model_OP_RESOLVER_H_

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

// Exactly the operators of the model; the linker leaves all others out.
using hil_tiny_model_op_resolver = tflite::MicroMutableOpResolver<3>;

// Call once, before the interpreter is made.
inline TfLiteStatus hil_tiny_model_register_ops(hil_tiny_model_op_resolver& resolver) {
  if (resolver.AddConv2D() != kTfLiteOk) return kTfLiteError;
  if (resolver.AddRfft() != kTfLiteOk) return kTfLiteError;
  if (resolver.AddSoftmax() != kTfLiteOk) return kTfLiteError;
  return kTfLiteOk;
}

#endif  // HIL_tiny_model_OP_RESOLVER_H_
