// One device behind the driver table: buffers with guards, modules by op name, launches, timing. The only way to a GPU, real or virtual.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "driver.h"
#include "error.h"
#include "kernels/common/types.h"

namespace device {

struct Info {
  std::string id;    // "virtual", "cuda:0" ...
  std::string name;
  int major = 0, minor = 0;
  int multiprocessors = 0;
  size_t memory = 0;
};

// How outputs are filled before a launch: a word that no format calls a number (bf16, f32 and e4m3 NaN where the byte allows).
struct Poison {
  uint32_t word = 0;
  static Poison from(uint64_t seed, uint64_t turn);  // differs in every byte from turn to turn
  uint8_t byte(size_t at) const { return uint8_t(word >> (8 * (at & 3))); }
};

class Device;

// Device memory. With guards, random words lie before and behind the bytes; without, the allocation ends where the bytes end.
class Buffer {
 public:
  Buffer(Device& dev, size_t bytes, std::string name);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  CUdeviceptr ptr() const { return base_ + front_; }
  size_t bytes() const { return bytes_; }
  const std::string& name() const { return name_; }

  void upload(const void* from, size_t bytes, size_t at = 0);
  void download(void* to) const;
  void fill(Poison p);
  // "" when both guards are as they were, else a sentence that names the buffer, the side and the first changed byte.
  std::string damage() const;

 private:
  Device& dev_;
  std::string name_;
  size_t bytes_, front_ = 0, total_ = 0;
  CUdeviceptr base_ = 0;
};

// Of a launch that no op declares.
struct Extents {
  uint32_t grid[3], block[3], smem = 0;
  uint32_t cluster[3] = {0, 0, 0};  // 0: none named
  bool cooperative = false, programmatic_serialization = false, non_portable_cluster = false;
};

struct Kernel {
  CUfunction fn = nullptr;
  std::string name;
  uint32_t smem_allowed = 0;  // as asked for; what goes without asking depends on the static part
};

class Device : public std::enable_shared_from_this<Device> {
 public:
  // `kernels` is the folder of compiled modules. Throws when there is no device `id`.
  static std::shared_ptr<Device> open(const std::string& id, const std::string& kernels);
  static std::vector<Info> list();
  ~Device();
  Device(const Device&) = delete;

  const Info& info() const { return info_; }
  bool is_virtual() const { return info_.id == "virtual"; }

  // Makes the device's context current on the calling thread; call once a thread before anything else.
  void attach();

  // Kernels written for this hardware are called so in file names; "portable" where there are none, or where they are not wanted.
  const std::string& variant() const { return variant_; }
  // "" sets the device's own.
  void set_variant(const std::string& name);

  // The kernel compiled from kernels/<family>/<module>.cu, loaded on first use.
  Kernel& kernel(const std::string& module) { return kernel(module, module); }
  Kernel& kernel(const std::string& module, const std::string& entry);
  // An entry of a module in a file (PTX or cubin), read once.
  Kernel& kernel_of(const std::string& path, const std::string& entry);

  // Launches on the device's stream; a grid with a zero dimension is no launch. Throws when the launch is refused.
  void launch(Kernel& k, const LaunchShape& shape, const void* params);
  // The same for any kernel: one pointer a parameter.
  void launch(Kernel& k, const Extents& e, void** args);
  // Waits for everything launched and returns the milliseconds between `mark()` and now. Throws when a launch failed.
  void mark();
  float wait();

  // Guards inside allocations: always on a GPU; on the virtual device every allocation has exact bounds and a stray access traps, so
  // guards are only there when asked for.
  bool guards = false;
  // Set by another thread: the next launch throws Cancelled.
  const volatile int32_t* cancel = nullptr;
  const volatile int32_t* closing = nullptr;  // the same, for every job of the process

  void check(CUresult r, const char* what) const;
  const Driver& driver() const { return *drv_; }

 private:
  Device() = default;
  std::string describe(CUresult r) const;

  const Driver* drv_ = nullptr;
  Info info_;
  std::string kernels_, variant_;
  CUdevice dev_ = 0;
  CUcontext ctx_ = nullptr;
  CUstream stream_ = nullptr;
  CUevent start_ = nullptr, stop_ = nullptr;
  std::map<std::string, Kernel> loaded_;
  std::vector<CUmodule> modules_;
  std::string last_launch_;
};

}  // namespace device
