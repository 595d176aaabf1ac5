// Work of a stream: what a launch, copy, fill or callback does when its turn comes. A stream that captures
// keeps it in a graph instead of running it (native/sim/host), so each kind can be copied and says which
// graph node it is.
#pragma once
#include <memory>
#include <thread>
#include <vector>

#include "native/device/driver.h"
#include "native/sim/sim.h"

namespace sim::driver {

struct FunctionHandle;
struct EventHandle;

struct Work {
  virtual ~Work() = default;
  virtual CUresult run() = 0;
  virtual std::unique_ptr<Work> clone() const = 0;
  virtual CUgraphNodeType type() const = 0;
};

template <class Self, CUgraphNodeType TYPE>
struct WorkOf : Work {
  std::unique_ptr<Work> clone() const override {
    return std::make_unique<Self>(static_cast<const Self&>(*this));
  }
  CUgraphNodeType type() const override { return TYPE; }
};

struct KernelWork : WorkOf<KernelWork, CU_GRAPH_NODE_TYPE_KERNEL> {
  FunctionHandle* function = nullptr;
  LaunchConfig config;
  std::vector<uint8_t> params;                // in the entry's layout
  std::vector<CUlaunchAttribute> attributes;  // as given
  CUresult run() override;
};

// Rows of bytes between two places; each is device memory (or pinned, or managed) when it lies in the
// device's range.
struct CopyWork : WorkOf<CopyWork, CU_GRAPH_NODE_TYPE_MEMCPY> {
  const char* call = "";
  struct Place {
    uint64_t at = 0, pitch = 0, slice = 0;                   // bytes between rows and between slices
    enum Where : uint8_t { any, host, device } where = any;  // what the caller said it is
  } to, from;
  uint64_t width = 0, height = 1, depth = 1;
  CUresult check() const;
  CUresult run() override;
};

struct FillWork : WorkOf<FillWork, CU_GRAPH_NODE_TYPE_MEMSET> {
  const char* call = "";
  uint64_t at = 0, pitch = 0;
  uint32_t value = 0, element = 1;  // bytes an element: 1, 2 or 4
  uint64_t width = 0, height = 1;   // elements, rows
  CUresult check() const;
  CUresult run() override;
};

struct HostWork : WorkOf<HostWork, CU_GRAPH_NODE_TYPE_HOST> {
  CUhostFn function = nullptr;
  void* data = nullptr;
  CUresult run() override {
    function(data);
    return CUDA_SUCCESS;
  }
};

struct FreeWork : WorkOf<FreeWork, CU_GRAPH_NODE_TYPE_MEM_FREE> {
  CUdeviceptr at = 0;
  CUresult run() override;
};

// Where a capturing stream puts its work. A call that a capture does not allow ends it: later work and its
// end say so.
struct Capture {
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  std::thread::id thread = std::this_thread::get_id();  // that began it
  bool invalidated = false;
  virtual ~Capture() = default;
  virtual CUresult add(CUstream stream, std::unique_ptr<Work> work) = 0;
};

// Runs the work now, or gives it to the stream's capture. Also refuses what a capture does not allow.
CUresult submit(CUstream stream, std::unique_ptr<Work> work);

}  // namespace sim::driver
