// Made by hil 0.0.0 (hil codegen); do not edit.
// model:   tiny model<U+002A>/<U+00E9>.tflite
// sha256:  0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
// variant: int8
// size:    43 bytes
// label:   full int8, float boundary

#ifndef HIL_tiny_model_MODEL_DATA_H_
#define HIL_tiny_model_MODEL_DATA_H_

// The model, aligned as TFLite Micro needs it.
extern const unsigned char g_tiny_model_model_data[];
constexpr unsigned int g_tiny_model_model_data_size = 43;

#endif  // HIL_tiny_model_MODEL_DATA_H_
