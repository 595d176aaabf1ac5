// The CUDA driver's entry points on the virtual GPU: what an engine does, and the codes it gets when it errs.
#include "native/sim/driver/virtual_driver.h"

#include "gpu.h"

using namespace sim;
using namespace sim::testing;

namespace {

std::string ptx_of(const std::string& file) {
  std::ifstream in(std::string(KERNEL_DIR) + "/" + file + ".ptx");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

struct Gpu {
  device::Driver d = device::virtual_driver();
  Gpu() {
    CUcontext c;
    ok(d.cuInit(0));
    ok(d.cuDevicePrimaryCtxRetain(&c, 0));
    ok(d.cuCtxSetCurrent(c));
  }
  ~Gpu() { d.cuDevicePrimaryCtxRelease(0); }
  void ok(CUresult r) {
    const char* name = "";
    if (r != CUDA_SUCCESS) d.cuGetErrorName(r, &name);
    CHECK(r == CUDA_SUCCESS, name, ": ", d.last_error_detail());
  }
  void expect(CUresult r, CUresult want, const std::string& words) {
    CHECK_EQ(int(r), int(want), d.last_error_detail());
    CHECK(std::string(d.last_error_detail()).find(words) != std::string::npos, "'", words,
          "' in: ", d.last_error_detail());
  }
  CUmodule load(const std::string& file) {
    CUmodule m;
    ok(d.cuModuleLoadData(&m, ptx_of(file).c_str()));
    return m;
  }
  CUfunction function(CUmodule m, const char* name) {
    CUfunction f;
    ok(d.cuModuleGetFunction(&f, m, name));
    return f;
  }
};

}  // namespace

TEST(driver_every_entry_is_there) {
  device::Driver d = device::virtual_driver();
#define FILLED(name) CHECK(d.name != nullptr);
  DEVICE_ENTRY_POINTS(FILLED)
#undef FILLED
  CHECK(d.last_error_detail != nullptr);
}

TEST(driver_engine_path) {
  Gpu g;
  auto& d = g.d;
  char name[64];
  int major, minor, sms, optin;
  g.ok(d.cuDeviceGetName(name, sizeof name, 0));
  g.ok(d.cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0));
  g.ok(d.cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0));
  g.ok(d.cuDeviceGetAttribute(&sms, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0));
  g.ok(d.cuDeviceGetAttribute(&optin, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 0));
  CHECK_EQ(std::string(name), "Virtual SM100 (B200)");
  CHECK_EQ(major * 10 + minor, 100);
  CHECK_EQ(sms, 148);
  CHECK_EQ(optin, 227 * 1024);
  CUmodule m = g.load("basic");
  CUfunction add = g.function(m, "vector_add");
  CUstream s;
  CUevent e0, e1;
  g.ok(d.cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
  g.ok(d.cuEventCreate(&e0, 0));
  g.ok(d.cuEventCreate(&e1, 0));
  int n = 1000;
  std::vector<float> a(1000, 1), b(1000, 2), c(1000);
  CUdeviceptr da, db, dc;
  for (CUdeviceptr* p : {&da, &db, &dc}) g.ok(d.cuMemAlloc(p, 4000));
  g.ok(d.cuMemcpyHtoDAsync(da, a.data(), 4000, s));
  g.ok(d.cuMemcpyHtoD(db, b.data(), 4000));
  void* args[] = {&da, &db, &dc, &n};
  g.ok(d.cuEventRecord(e0, s));
  g.ok(d.cuLaunchKernel(add, 8, 1, 1, 128, 1, 1, 0, s, args, nullptr));
  g.ok(d.cuEventRecord(e1, s));
  g.ok(d.cuEventSynchronize(e1));
  g.ok(d.cuStreamWaitEvent(s, e1, 0));
  float ms = -1;
  g.ok(d.cuEventElapsedTime(&ms, e0, e1));
  CHECK(ms >= 0);
  g.ok(d.cuMemcpyDtoHAsync(c.data(), dc, 4000, s));
  g.ok(d.cuStreamSynchronize(s));
  for (float x : c) CHECK_EQ(x, 3.0f);
  CHECK_EQ(last_launch().kernel, "vector_add");
  CHECK(last_launch().thread_instructions > 1000);
  CUlaunchAttribute pdl;
  pdl.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
  pdl.value.programmaticStreamSerializationAllowed = 1;
  CUlaunchConfig config = {};
  config.gridDimX = 8, config.gridDimY = config.gridDimZ = 1, config.blockDimX = 128,
  config.blockDimY = config.blockDimZ = 1;
  config.hStream = s, config.attrs = &pdl, config.numAttrs = 1;
  g.ok(d.cuMemcpyDtoD(da, dc, 4000));
  g.ok(d.cuLaunchKernelEx(&config, add, args, nullptr));
  g.ok(d.cuMemcpyDtoH(c.data(), dc, 4000));
  for (float x : c) CHECK_EQ(x, 5.0f);
  CUdeviceptr scratch;
  size_t bytes;
  g.ok(d.cuModuleGetGlobal(&scratch, &bytes, m, "scratch"));
  CHECK_EQ(bytes, size_t(256));
  g.ok(d.cuMemsetD32(scratch, 7, 64));
  int seven[64];
  g.ok(d.cuMemcpyDtoH(seven, scratch, 256));
  CHECK_EQ(seven[63], 7);
  for (CUdeviceptr p : {da, db, dc}) g.ok(d.cuMemFree(p));
  g.ok(d.cuEventDestroy(e0));
  g.ok(d.cuEventDestroy(e1));
  g.ok(d.cuStreamDestroy(s));
  g.ok(d.cuModuleUnload(m));
  g.ok(d.cuCtxSynchronize());
}

TEST(driver_faults) {
  Gpu g;
  auto& d = g.d;
  CUmodule m = g.load("basic");
  CUfunction stray = g.function(m, "stray"), add = g.function(m, "vector_add"),
             softmax = g.function(m, "softmax");
  CUdeviceptr p;
  g.ok(d.cuMemAlloc(&p, 1024));
  int at = 250, mode = 0;
  void* args[] = {&p, &at, &mode};
  auto go = [&](int mode_, int at_, unsigned threads) {
    mode = mode_, at = at_;
    return d.cuLaunchKernel(stray, 1, 1, 1, threads, 1, 1, 0, nullptr, args, nullptr);
  };
  g.expect(go(0, 250, 32), CUDA_ERROR_ILLEGAL_ADDRESS, "which has 1024 bytes");
  CHECK(std::string(d.last_error_detail()).find("thread (6,0,0)") != std::string::npos,
        d.last_error_detail());
  CHECK(std::string(d.last_error_detail()).find("basic.cu:") != std::string::npos, d.last_error_detail());
  CUdeviceptr fresh;
  g.ok(d.cuMemAlloc(&fresh, 1024));
  std::swap(p, fresh);
  g.expect(go(1, 0, 8), CUDA_ERROR_LAUNCH_FAILED, "nobody has written");
  g.expect(go(2, 0, 8), CUDA_ERROR_LAUNCH_FAILED, "shared memory that nobody has written");
  g.expect(go(3, 0, 1), CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned");
  g.expect(go(4, 60000, 1), CUDA_ERROR_ILLEGAL_ADDRESS, "shared");
  g.expect(go(5, 3, 4), CUDA_ERROR_ASSERT, "the number is 17");
  g.expect(go(6, 0, 1), CUDA_ERROR_LAUNCH_FAILED, "trap");
  g.expect(go(7, 0, 64), CUDA_ERROR_LAUNCH_FAILED, "deadlock");
  // and still usable
  int n = 4;
  g.ok(d.cuMemsetD8(p, 0, 1024));
  void* add_args[] = {&p, &p, &p, &n};
  g.ok(d.cuLaunchKernel(add, 1, 1, 1, 32, 1, 1, 0, nullptr, add_args, nullptr));
  g.expect(d.cuLaunchKernel(add, 1, 1, 1, 1025, 1, 1, 0, nullptr, add_args, nullptr),
           CUDA_ERROR_INVALID_VALUE, "1024 threads");
  g.expect(d.cuLaunchKernel(add, 0, 1, 1, 32, 1, 1, 0, nullptr, add_args, nullptr), CUDA_ERROR_INVALID_VALUE,
           "grid");
  g.expect(d.cuLaunchKernel(softmax, 1, 1, 1, 32, 1, 1, 60000, nullptr, add_args, nullptr),
           CUDA_ERROR_INVALID_VALUE, "dynamic shared");
  g.ok(d.cuFuncSetAttribute(softmax, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 200 * 1024));
  g.expect(d.cuFuncSetAttribute(softmax, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 227 * 1024 + 1),
           CUDA_ERROR_INVALID_VALUE, "232");
  CUfunction f;
  CUmodule bad;
  g.expect(d.cuModuleGetFunction(&f, m, "vector_sub"), CUDA_ERROR_NOT_FOUND, "vector_add");
  g.expect(d.cuModuleLoadData(&bad,
                              ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k() { bra Nowhere; }"),
           CUDA_ERROR_INVALID_PTX, "line 4");
  g.expect(d.cuModuleLoadData(&bad, ".version 9.0\n.target sm_90a\n.address_size 64\n"),
           CUDA_ERROR_NO_BINARY_FOR_GPU, "sm_90a");
  g.expect(d.cuMemcpyDtoH(&n, p + 1022, 4), CUDA_ERROR_INVALID_VALUE, "offset 1022");
  g.ok(d.cuMemFree(p));
  g.expect(d.cuMemcpyDtoH(&n, p, 4), CUDA_ERROR_INVALID_VALUE, "freed");
  g.expect(d.cuMemFree(p), CUDA_ERROR_INVALID_VALUE, "allocation");
  g.ok(d.cuMemFree(fresh));
  virtual_options().max_instructions = 1000;
  CUfunction chain = g.function(g.load("norm"), "fma_chain");
  CUdeviceptr y;
  g.ok(d.cuMemAlloc(&y, 1024));
  float a = 1, b = 0;
  n = 1 << 30;
  void* chain_args[] = {&y, &n, &a, &b};
  g.expect(d.cuLaunchKernel(chain, 1, 1, 1, 32, 1, 1, 0, nullptr, chain_args, nullptr),
           CUDA_ERROR_LAUNCH_TIMEOUT, "1000 warp instructions");
  virtual_options().max_instructions = 0;
  CUdeviceptr huge;
  g.expect(d.cuMemAlloc(&huge, size_t(1) << 40), CUDA_ERROR_OUT_OF_MEMORY, "in use");
}
