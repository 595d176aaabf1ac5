// Runs a case's kernel through the driver table, on a GPU or on the virtual SM100.
#include <algorithm>
#include <memory>
#include <stdexcept>

#include "vectors.h"

namespace hw {

std::string error_name(const device::Driver& d, CUresult r) {
  const char* name = nullptr;
  d.cuGetErrorName(r, &name);
  return name ? name : std::to_string(int(r));
}

namespace {
std::string entry_name(size_t k) { return "k" + std::to_string(k); }
void check(const device::Driver& d, CUresult r, const char* what) {
  if (r == CUDA_SUCCESS) return;
  const std::string detail = d.last_error_detail ? d.last_error_detail() : "";
  throw std::runtime_error(std::string(what) + ": " + error_name(d, r) + (detail.empty() ? "" : ": " + detail));
}
struct Buffer {
  const device::Driver& d;
  CUdeviceptr at = 0;
  Buffer(const device::Driver& driver, size_t bytes) : d(driver) {
    check(d, d.cuMemAlloc(&at, std::max<size_t>(bytes, 16)), "cuMemAlloc");
  }
  ~Buffer() { d.cuMemFree(at); }
  Buffer(const Buffer&) = delete;
};
CUtensorMap encode(const device::Driver& d, const TensorMap& m, CUdeviceptr base) {
  CUtensorMap map{};
  void* at = reinterpret_cast<void*>(base + m.offset);
  const CUresult r =
      m.channels ? d.cuTensorMapEncodeIm2col(&map, m.type, m.rank, at, m.dim.data(), m.stride.data(), m.lower.data(), m.upper.data(), m.channels,
                                             m.pixels, m.element_stride.data(), m.interleave, m.swizzle, m.l2, m.fill)
                 : d.cuTensorMapEncodeTiled(&map, m.type, m.rank, at, m.dim.data(), m.stride.data(), m.box.data(), m.element_stride.data(),
                                            m.interleave, m.swizzle, m.l2, m.fill);
  if (r != CUDA_SUCCESS)
    throw std::runtime_error("the tensor map is refused with error " + std::to_string(int(r)));
  return map;
}
}  // namespace

std::string module_text(const Chapter& chapter, size_t first, size_t last) {
  bool specific = false;
  for (size_t k = first; k < last; ++k) specific = specific || chapter.cases[k].specific;
  std::string s = std::string(".version 8.8\n.target sm_90") + (specific ? "a" : "") + "\n.address_size 64\n" +
                  chapter.globals;
  for (size_t k = first; k < last; ++k) {
    const Case& c = chapter.cases[k];
    if (c.host) continue;
    s += ".visible .entry " + entry_name(k) + "(.param .u64 p_out";
    for (unsigned i = 0; i < c.n_inputs; ++i) s += ", .param .u64 p_in" + std::to_string(i);
    for (size_t i = 0; i < c.maps.size(); ++i) s += ", .param .align 64 .b8 map" + std::to_string(i) + "[128]";
    s += ")\n.maxntid " + std::to_string(c.block) +
         "\n{\n.reg .b64 %out, %in<" + std::to_string(std::max(1u, c.n_inputs)) + ">;\n";
    s += "ld.param.u64 %out, [p_out];\ncvta.to.global.u64 %out, %out;\n";
    for (unsigned i = 0; i < c.n_inputs; ++i) {
      const std::string r = "%in" + std::to_string(i);
      s += "ld.param.u64 " + r + ", [p_in" + std::to_string(i) + "];\ncvta.to.global.u64 " + r + ", " + r + ";\n";
    }
    s += c.body + "\nret;\n}\n";
  }
  return s;
}

Runner::Runner(const device::Driver& driver, const Chapter& chapter) : d_(driver), chapter_(chapter) {}
Runner::~Runner() {
  for (const auto& [k, m] : modules_) d_.cuModuleUnload(m);
}

// The modules: MODULE_CASES entries each; when one of them does not load, each of its entries alone.
CUfunction Runner::function(size_t k, std::string& failure) {
  const size_t first = k / MODULE_CASES * MODULE_CASES, last = std::min(first + MODULE_CASES, chapter_.cases.size());
  const size_t alone = chapter_.cases.size() + k;
  CUmodule m = nullptr;
  if (modules_.count(alone)) {
    m = modules_[alone];
  } else if (modules_.count(first)) {
    m = modules_[first];
  } else if (!modules_.count(2 * chapter_.cases.size() + first) &&
             d_.cuModuleLoadData(&m, module_text(chapter_, first, last).c_str()) == CUDA_SUCCESS) {
    modules_[first] = m;
  } else {
    modules_[2 * chapter_.cases.size() + first] = nullptr;
    const CUresult r = d_.cuModuleLoadData(&m, module_text(chapter_, k, k + 1).c_str());
    if (r != CUDA_SUCCESS) {
      failure = "load: " + error_name(d_, r);
      const std::string detail = d_.last_error_detail ? d_.last_error_detail() : "";
      if (!detail.empty()) failure += ": " + detail;
      return nullptr;
    }
    modules_[alone] = m;
  }
  CUfunction f = nullptr;
  check(d_, d_.cuModuleGetFunction(&f, m, entry_name(k).c_str()), "cuModuleGetFunction");
  return f;
}

Runner::Result Runner::run(size_t k) {
  const Case& c = chapter_.cases[k];
  Result result;
  if (c.host) {
    result.out = c.host(d_);
    return result;
  }
  CUfunction f = function(k, result.failure);
  if (!f) return result;
  const std::vector<Input> in = c.inputs();
  if (in.size() != c.n_inputs) throw std::runtime_error(c.name + ": expected the number of inputs it states");
  Buffer out(d_, c.out_bytes);
  check(d_, d_.cuMemsetD8(out.at, c.poison, std::max<size_t>(c.out_bytes, 16)), "cuMemsetD8");
  std::vector<std::unique_ptr<Buffer>> buffers;
  std::vector<void*> params = {&out.at};
  for (const Input& i : in) {
    buffers.push_back(std::make_unique<Buffer>(d_, i.bytes.size()));
    if (!i.bytes.empty()) check(d_, d_.cuMemcpyHtoD(buffers.back()->at, i.bytes.data(), i.bytes.size()), "cuMemcpyHtoD");
    params.push_back(&buffers.back()->at);
  }
  std::vector<CUtensorMap> maps;
  maps.reserve(c.maps.size());
  try {
    for (const TensorMap& m : c.maps) maps.push_back(encode(d_, m, m.input < 0 ? out.at : buffers.at(size_t(m.input))->at));
  } catch (const std::runtime_error& e) {
    result.failure = e.what();
    return result;
  }
  for (CUtensorMap& m : maps) params.push_back(&m);
  auto failed = [&](CUresult r) {
    if (r == CUDA_SUCCESS) return false;
    const std::string detail = d_.last_error_detail ? d_.last_error_detail() : "";
    result.failure = error_name(d_, r) + (detail.empty() ? "" : ": " + detail);
    return true;
  };
  if (c.shared > 48 << 10 &&
      failed(d_.cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, int(c.shared))))
    return result;
  if (c.cluster > 8 && failed(d_.cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1)))
    return result;
  CUlaunchAttribute cluster{};
  cluster.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
  cluster.value.clusterDim.x = c.cluster, cluster.value.clusterDim.y = 1, cluster.value.clusterDim.z = 1;
  CUlaunchConfig config{};
  config.gridDimX = c.grid, config.gridDimY = 1, config.gridDimZ = 1;
  config.blockDimX = c.block, config.blockDimY = 1, config.blockDimZ = 1;
  config.sharedMemBytes = c.shared;
  config.attrs = &cluster, config.numAttrs = c.cluster > 1 ? 1 : 0;
  if (failed(d_.cuLaunchKernelEx(&config, f, params.data(), nullptr))) return result;
  if (failed(d_.cuCtxSynchronize())) return result;
  result.out.resize(c.out_bytes);
  if (c.out_bytes) check(d_, d_.cuMemcpyDtoH(result.out.data(), out.at, c.out_bytes), "cuMemcpyDtoH");
  return result;
}

}  // namespace hw
