// Streams and events beyond native/sim/driver/stream.cc: what is asked about them, callbacks, waits on
// memory.
#include <atomic>
#include <memory>

#include "common.h"

using namespace sim::host;

namespace {
CUresult with(CUstream stream, auto use) {
  SIM_TRY(ready());
  std::lock_guard g(State::get().lock);
  StreamHandle* h = stream_of(stream);
  if (!h) return fail(CUDA_ERROR_INVALID_HANDLE, "expected a stream that was created and not destroyed");
  return use(*h);
}

struct ValueWork : WorkOf<ValueWork, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP> {
  uint64_t at = 0, value = 0;
  bool wide = false, wait = false;
  unsigned flags = 0;
  CUresult run() override {
    size_t bytes = wide ? 8 : 4;
    std::string fault = sim::Memory::device().fault(at, bytes);
    if (!fault.empty() || at % bytes)
      return fail(CUDA_ERROR_INVALID_VALUE, "a stream's wait or write of a value at " + hex(at) + ": " +
                                                (fault.empty() ? "misaligned" : fault));
    if (!wait) {
      if (wide)
        std::atomic_ref(*reinterpret_cast<uint64_t*>(at)).store(value);
      else
        std::atomic_ref(*reinterpret_cast<uint32_t*>(at)).store(uint32_t(value));
      sim::Memory::device().mark(*sim::Memory::device().find(at), at, bytes);
      return CUDA_SUCCESS;
    }
    uint64_t now = wide ? *reinterpret_cast<uint64_t*>(at) : *reinterpret_cast<uint32_t*>(at),
             v = wide ? value : uint32_t(value);
    bool met = false;
    switch (flags & 3) {
      case CU_STREAM_WAIT_VALUE_GEQ:
        met = wide ? int64_t(now - v) >= 0 : int32_t(uint32_t(now) - uint32_t(v)) >= 0;
        break;
      case CU_STREAM_WAIT_VALUE_EQ:
        met = now == v;
        break;
      case CU_STREAM_WAIT_VALUE_AND:
        met = (now & v) != 0;
        break;
      default:
        met = (~(now | v) & (wide ? ~uint64_t(0) : 0xffffffffu)) != 0;  // NOR
    }
    if (met) return CUDA_SUCCESS;
    return fail(CUDA_ERROR_NOT_SUPPORTED, "a stream waits for a value at " + hex(at) +
                                              " that later work would have to write; " +
                                              "streams of the virtual GPU run in the order of their calls");
  }
};
CUresult value(CUstream s, CUdeviceptr at, uint64_t v, bool wide, bool wait, unsigned flags) {
  SIM_TRY(ready());
  auto w = std::make_unique<ValueWork>();
  w->at = at, w->value = v, w->wide = wide, w->wait = wait, w->flags = flags;
  return submit(s, std::move(w));
}
struct CallbackWork : WorkOf<CallbackWork, CU_GRAPH_NODE_TYPE_HOST> {
  CUstreamCallback function = nullptr;
  CUstream stream = nullptr;
  void* data = nullptr;
  CUresult run() override {
    function(stream, CUDA_SUCCESS, data);
    return CUDA_SUCCESS;
  }
};
}  // namespace

CUresult cuStreamGetPriority(CUstream stream, int* priority) {
  return with(stream, [&](StreamHandle& h) {
    return priority ? (*priority = h.priority, CUDA_SUCCESS) : null("cuStreamGetPriority");
  });
}
CUresult cuStreamGetFlags(CUstream stream, unsigned* flags) {
  return with(stream, [&](StreamHandle& h) {
    return flags ? (*flags = h.flags, CUDA_SUCCESS) : null("cuStreamGetFlags");
  });
}
CUresult cuStreamGetId(CUstream stream, unsigned long long* id) {
  return with(stream,
              [&](StreamHandle& h) { return id ? (*id = h.id, CUDA_SUCCESS) : null("cuStreamGetId"); });
}
CUresult cuStreamGetCtx(CUstream stream, CUcontext* context) {
  return with(stream, [&](StreamHandle&) {
    return context ? (*context = the_context(), CUDA_SUCCESS) : null("cuStreamGetCtx");
  });
}
CUresult cuStreamGetDevice(CUstream stream, CUdevice* device) {
  return with(stream, [&](StreamHandle&) {
    return device ? (*device = 0, CUDA_SUCCESS) : null("cuStreamGetDevice");
  });
}
CUresult cuStreamQuery(CUstream stream) { return sim::driver::cuStreamSynchronize(stream); }
CUresult cuStreamAttachMemAsync(CUstream stream, CUdeviceptr, size_t, unsigned) {
  return with(stream, [](StreamHandle&) { return CUDA_SUCCESS; });
}
CUresult cuStreamSetAttribute(CUstream stream, CUstreamAttrID,
                              const CUstreamAttrValue*) {  // caching and priority hints
  return with(stream, [](StreamHandle&) { return CUDA_SUCCESS; });
}
CUresult cuStreamCopyAttributes(CUstream to, CUstream from) {
  SIM_TRY(known_stream(from));
  return known_stream(to);
}
CUresult cuStreamAddCallback(CUstream stream, CUstreamCallback function, void* data, unsigned) {
  SIM_TRY(ready());
  if (!function) return null("cuStreamAddCallback", "a function");
  auto w = std::make_unique<CallbackWork>();
  w->function = function, w->stream = stream, w->data = data;
  return submit(stream, std::move(w));
}
CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void* data) {
  SIM_TRY(ready());
  if (!function) return null("cuLaunchHostFunc", "a function");
  auto w = std::make_unique<HostWork>();
  w->function = function, w->data = data;
  return submit(stream, std::move(w));
}
CUresult cuStreamWaitValue32(CUstream s, CUdeviceptr at, cuuint32_t v, unsigned flags) {
  return value(s, at, v, false, true, flags);
}
CUresult cuStreamWaitValue64(CUstream s, CUdeviceptr at, cuuint64_t v, unsigned flags) {
  return value(s, at, v, true, true, flags);
}
CUresult cuStreamWriteValue32(CUstream s, CUdeviceptr at, cuuint32_t v, unsigned flags) {
  return value(s, at, v, false, false, flags);
}
CUresult cuStreamWriteValue64(CUstream s, CUdeviceptr at, cuuint64_t v, unsigned flags) {
  return value(s, at, v, true, false, flags);
}

CUresult cuEventQuery(CUevent event) { return sim::driver::cuEventSynchronize(event); }
CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned) {
  return sim::driver::cuEventRecord(event, stream);
}
