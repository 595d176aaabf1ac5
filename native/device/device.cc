#include "device.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "libcuda.h"
#include "virtual.h"

namespace device {
namespace {

constexpr const char* kVirtual = "virtual";

const Driver* driver_of(const std::string& id) {
  return id == kVirtual ? virtual_device().driver : libcuda();
}

Info describe_device(const Driver& d, const std::string& id, int ordinal, CUdevice& dev) {
  Info info;
  info.id = id;
  char name[256] = "";
  if (d.cuDeviceGet(&dev, ordinal) != CUDA_SUCCESS) fail("device ", id, ": expected cuDeviceGet to find it, got an error");
  d.cuDeviceGetName(name, sizeof name, dev);
  info.name = name;
  d.cuDeviceGetAttribute(&info.major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, dev);
  d.cuDeviceGetAttribute(&info.minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, dev);
  d.cuDeviceGetAttribute(&info.multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, dev);
  d.cuDeviceTotalMem(&info.memory, dev);
  return info;
}

// Errors of a kernel after which the driver refuses all work of the process, in a new context too (seen on an H200).
bool breaks_process(CUresult r) {
  switch (r) {
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
      return true;
    default:
      return false;
  }
}

std::string read_text(const std::string& path, const std::string& entry) {
  std::ifstream f(path, std::ios::binary);
  if (!f)
    throw Error(sentence("kernel ", entry, ": expected a compiled module ", path, ", got no such file"),
                sentence("{\"missing_kernel\":\"", entry, "\"}"));
  return {std::istreambuf_iterator<char>(f), {}};  // cuModuleLoadData wants PTX to end in a zero byte: c_str() has it
}

}  // namespace

VirtualDevice& virtual_device() {
  static VirtualDevice v;
  return v;
}

std::vector<Info> Device::list() {
  std::vector<Info> all;
  CUdevice dev;
  if (const Driver* v = driver_of(kVirtual); v && v->cuInit(0) == CUDA_SUCCESS)
    all.push_back(describe_device(*v, kVirtual, 0, dev));
  int n = 0;
  if (const Driver* d = libcuda(); d && d->cuDeviceGetCount(&n) == CUDA_SUCCESS)
    for (int i = 0; i < n; ++i) all.push_back(describe_device(*d, sentence("cuda:", i), i, dev));
  return all;
}

std::shared_ptr<Device> Device::open(const std::string& id, const std::string& kernels) {
  std::string known;
  for (const Info& i : list()) known += (known.empty() ? "" : ", ") + i.id;
  const bool gpu = id.rfind("cuda:", 0) == 0 && id.size() > 5 && id.find_first_not_of("0123456789", 5) == std::string::npos;
  int n = 0, ordinal = 0;
  const Driver* d = id == kVirtual || gpu ? driver_of(id) : nullptr;
  if (d && gpu) {
    ordinal = id.size() > 9 ? -1 : std::stoi(id.substr(5));
    d->cuDeviceGetCount(&n);
    if (ordinal < 0 || ordinal >= n) d = nullptr;
  }
  if (!d) fail("device \"", id, "\": expected one of ", known.empty() ? "none (no GPU, no simulator)" : known);
  std::shared_ptr<Device> dev(new Device);
  dev->drv_ = d;
  dev->kernels_ = kernels;
  dev->check(d->cuInit(0), "cuInit");
  dev->info_ = describe_device(*d, id, ordinal, dev->dev_);
  dev->guards = !dev->is_virtual();
  dev->set_variant("");
  dev->check(d->cuDevicePrimaryCtxRetain(&dev->ctx_, dev->dev_), "cuDevicePrimaryCtxRetain");
  dev->attach();
  // a default stream waits for the copies and fills of the null stream, and they for it
  dev->check(d->cuStreamCreate(&dev->stream_, CU_STREAM_DEFAULT), "cuStreamCreate");
  dev->check(d->cuEventCreate(&dev->start_, CU_EVENT_DEFAULT), "cuEventCreate");
  dev->check(d->cuEventCreate(&dev->stop_, CU_EVENT_DEFAULT), "cuEventCreate");
  return dev;
}

Device::~Device() {
  if (!ctx_) return;
  drv_->cuCtxSetCurrent(ctx_);
  for (CUmodule m : modules_) drv_->cuModuleUnload(m);
  if (start_) drv_->cuEventDestroy(start_);
  if (stop_) drv_->cuEventDestroy(stop_);
  if (stream_) drv_->cuStreamDestroy(stream_);
  drv_->cuDevicePrimaryCtxRelease(dev_);
}

void Device::attach() { check(drv_->cuCtxSetCurrent(ctx_), "cuCtxSetCurrent"); }

std::string Device::describe(CUresult r) const {
  const char *name = nullptr, *text = nullptr;
  drv_->cuGetErrorName(r, &name);
  drv_->cuGetErrorString(r, &text);
  std::string s = name ? name : sentence("CUDA error ", int(r));
  if (text) s += sentence(" (", text, ")");
  const std::string detail = drv_->last_error_detail();
  return detail.empty() ? s : s + ": " + detail;
}

void Device::check(CUresult r, const char* what) const {
  if (r == CUDA_SUCCESS) return;
  const char* end = !is_virtual() && breaks_process(r) ? "; this process can use no GPU any more" : "";
  fail(info_.id.empty() ? "device" : info_.id, ": ", what, ": ", describe(r), end);
}

void Device::set_variant(const std::string& name) {
  const bool sm100 = info_.major == 10;
  if (name == "sm100" && !sm100) fail(info_.id, ": expected a device of compute capability 10.x for variant sm100, got ", info_.major, ".", info_.minor);
  variant_ = !name.empty() ? name : sm100 ? "sm100" : "portable";
}

Kernel& Device::kernel(const std::string& module, const std::string& entry) {
  // the virtual device executes PTX; a GPU takes the machine code of its own architecture, else translates the PTX itself
  std::string path = kernels_ + "/" + module + ".ptx";
  if (!is_virtual()) {
    const std::string cubin = sentence(kernels_, "/", module, ".sm_", info_.major, info_.minor, "a.cubin");
    if (std::filesystem::exists(cubin)) path = cubin;
  }
  return kernel_of(path, entry);
}

Kernel& Device::kernel_of(const std::string& path, const std::string& entry) {
  const std::string key = path + "\n" + entry;
  if (auto it = loaded_.find(key); it != loaded_.end()) return it->second;
  const std::string image = read_text(path, entry);
  CUmodule module = nullptr;
  check(drv_->cuModuleLoadData(&module, image.c_str()), sentence("loading ", path).c_str());
  modules_.push_back(module);
  Kernel k;
  k.name = entry;
  check(drv_->cuModuleGetFunction(&k.fn, module, entry.c_str()), sentence("entry ", entry, " of ", path).c_str());
  return loaded_.emplace(key, k).first->second;
}

void Device::launch(Kernel& k, const LaunchShape& s, const void* params) {
  void* args[] = {const_cast<void*>(params)};
  Extents e{{s.grid[0], s.grid[1], s.grid[2]}, {s.block, 1, 1}, s.smem};
  if (s.cluster > 0) e.cluster[0] = s.cluster, e.cluster[1] = e.cluster[2] = 1;
  launch(k, e, args);
}

void Device::launch(Kernel& k, const Extents& e, void** args) {
  if ((cancel && *cancel) || (closing && *closing)) throw Cancelled();
  const auto &grid = e.grid, &block = e.block;
  if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0) return;
  const std::string threads = block[1] * block[2] == 1 ? sentence(block[0]) : sentence(block[0], " x ", block[1], " x ", block[2]);
  last_launch_ = sentence("kernel ", k.name, " <<<", grid[0], " x ", grid[1], " x ", grid[2], ", ", threads, ", ", e.smem, ">>>");
  if (e.smem > k.smem_allowed) {
    check(drv_->cuFuncSetAttribute(k.fn, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, int(e.smem)),
          (last_launch_ + ": dynamic shared memory").c_str());
    k.smem_allowed = e.smem;
  }
  if (e.non_portable_cluster)
    check(drv_->cuFuncSetAttribute(k.fn, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1),
          (last_launch_ + ": non-portable cluster").c_str());
  CUlaunchAttribute attrs[3] = {};
  CUlaunchConfig config = {grid[0], grid[1], grid[2], block[0], block[1], block[2], e.smem, stream_, attrs, 0};
  if (e.cluster[0]) {
    CUlaunchAttribute& a = attrs[config.numAttrs++];
    a.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    a.value.clusterDim = {e.cluster[0], e.cluster[1], e.cluster[2]};
  }
  if (e.cooperative) {
    CUlaunchAttribute& a = attrs[config.numAttrs++];
    a.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE, a.value.cooperative = 1;
  }
  if (e.programmatic_serialization) {
    CUlaunchAttribute& a = attrs[config.numAttrs++];
    a.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION, a.value.programmaticStreamSerializationAllowed = 1;
  }
  check(drv_->cuLaunchKernelEx(&config, k.fn, args, nullptr), last_launch_.c_str());
}

void Device::mark() { check(drv_->cuEventRecord(start_, stream_), "cuEventRecord"); }

float Device::wait() {
  check(drv_->cuEventRecord(stop_, stream_), last_launch_.c_str());
  check(drv_->cuEventSynchronize(stop_), last_launch_.c_str());
  float ms = 0;
  check(drv_->cuEventElapsedTime(&ms, start_, stop_), "cuEventElapsedTime");
  return ms;
}

}  // namespace device
