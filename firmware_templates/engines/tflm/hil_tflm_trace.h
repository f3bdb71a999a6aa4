/* Calls a hook around each operator of the model, also in a library without profiling.
 *
 * TFLite Micro's own profiler is left out of libraries that were built without error
 * strings. Here the resolver gives copies of the registrations, whose invoke is put to a
 * function of ours while a profile is taken. Other runs pay nothing for it. */
#ifndef HIL_TFLM_TRACE_H_
#define HIL_TFLM_TRACE_H_

#include <cstddef>
#include <cstdint>

#include "hil_engine.h"
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_common.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace hil {

class Trace {
 public:
  /* A registration that TFLite Micro sees in the place of another. */
  struct Entry {
    TFLMRegistration seen; /* first: its address is that of the entry */
    const TFLMRegistration* original;
  };

  static void begin(hil_engine_hook hook, uint32_t op_count) {
    state() = {hook, op_count, nullptr};
  }

  static TfLiteStatus invoke(TfLiteContext* context, TfLiteNode* node) {
    /* A node is the first member of its place in the array of the subgraph's nodes. */
    static_assert(offsetof(tflite::NodeAndRegistration, node) == 0, "");
    const auto* place = reinterpret_cast<const tflite::NodeAndRegistration*>(node);
    const auto* entry = reinterpret_cast<const Entry*>(place->registration);
    State& now = state();
    if (now.first == nullptr) now.first = place; /* a run begins with operator 0 */
    const bool is_main = place >= now.first && place < now.first + now.op_count;
    const uint32_t index = static_cast<uint32_t>(place - now.first);
    /* What another subgraph does is part of the operator that called it. */
    if (is_main) now.hook(index, true);
    const TfLiteStatus status = entry->original->invoke(context, node);
    if (is_main) now.hook(index, false);
    return status;
  }

 private:
  struct State {
    hil_engine_hook hook;
    uint32_t op_count;
    const tflite::NodeAndRegistration* first;
  };
  static State& state() {
    static State the_state;
    return the_state;
  }
};

template <typename Resolver>
class TracedOps;

template <unsigned int kOps>
class TracedOps<tflite::MicroMutableOpResolver<kOps>> : public tflite::MicroMutableOpResolver<kOps> {
 public:
  using Resolver = tflite::MicroMutableOpResolver<kOps>;

  const TFLMRegistration* FindOp(tflite::BuiltinOperator op) const override {
    return traced(Resolver::FindOp(op));
  }
  const TFLMRegistration* FindOp(const char* name) const override {
    return traced(Resolver::FindOp(name));
  }

  /* Has the next run call the hook; NULL ends it. */
  void trace(hil_engine_hook hook, uint32_t op_count) {
    Trace::begin(hook, op_count);
    for (size_t i = 0; i < count_; ++i) {
      entries_[i].seen.invoke = hook != nullptr ? Trace::invoke : entries_[i].original->invoke;
    }
  }

 private:
  const TFLMRegistration* traced(const TFLMRegistration* original) const {
    if (original == nullptr) return nullptr;
    size_t i = 0;
    while (i < count_ && entries_[i].original != original) ++i;
    if (i == count_) entries_[count_++] = {*original, original};
    return &entries_[i].seen;
  }

  mutable Trace::Entry entries_[kOps];
  mutable size_t count_ = 0;

  TF_LITE_REMOVE_VIRTUAL_DELETE
};

}  // namespace hil

#endif  // HIL_TFLM_TRACE_H_
