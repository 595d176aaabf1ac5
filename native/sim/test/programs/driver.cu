// What programs do through the CUDA driver directly (linked with -lcuda): contexts, modules and libraries,
// tensor maps.
#include <cuda.h>

#include "check.h"

#define CU(call) cu(call, #call, __LINE__)
void cu(CUresult r, const char* call, int line) {
  const char* name = "";
  if (r != CUDA_SUCCESS)
    cuGetErrorName(r, &name), std::printf("line %d: %s: %s\n", line, call, name), std::exit(1);
}
#define CU_FAILS(call, code)                                                                        \
  do {                                                                                              \
    CUresult r_ = (call);                                                                           \
    if (r_ != (code)) std::printf("line %d: %s: got %d\n", __LINE__, #call, int(r_)), std::exit(1); \
  } while (0)

extern "C" __global__ void twice(int* p, int n) {
  if (threadIdx.x < n) p[threadIdx.x] *= 2;
}
__device__ int table[8] = {1, 2, 3, 4, 5, 6, 7, 8};

const char* TEXT = R"(.version 9.0
.target sm_100a
.address_size 64
.visible .global .align 4 .u32 shared_word = 11;
.visible .entry store(.param .u64 p, .param .u32 v) {
  .reg .u64 %rd<2>;
  .reg .u32 %r<2>;
  ld.param.u64 %rd1, [p];
  ld.param.u32 %r1, [v];
  st.global.u32 [%rd1], %r1;
  ret;
}
.visible .entry nothing() { ret; }
)";

void start() {
  CUcontext c;
  CU(cuInit(0));
  CU(cuDevicePrimaryCtxRetain(&c, 0));
  CU(cuCtxSetCurrent(c));
}

void context() {
  CUdevice d;
  CUcontext a, b, now;
  int n;
  CU_FAILS(cuDeviceGetCount(&n), CUDA_ERROR_NOT_INITIALIZED);
  CU(cuInit(0));
  CU(cuDeviceGet(&d, 0));
  CU_FAILS(cuDeviceGet(&d, 1), CUDA_ERROR_INVALID_DEVICE);
  CUdeviceptr p;
  CU_FAILS(cuMemAlloc(&p, 4), CUDA_ERROR_INVALID_CONTEXT);
  CU(cuDevicePrimaryCtxRetain(&a, 0));
  CU(cuCtxPushCurrent(a));
  CU(cuCtxCreate(&b, nullptr, 0, 0));
  CU(cuCtxGetCurrent(&now));
  CHECK(now == b);
  CU(cuMemAlloc(&p, 4));
  CU(cuCtxDestroy(b));
  CU(cuCtxPopCurrent(&now));
  CHECK(now == a);
  CU_FAILS(cuMemFree(p), CUDA_ERROR_INVALID_CONTEXT);
}

void modules() {
  start();
  CUmodule m;
  CUfunction f;
  CUdeviceptr p, word;
  size_t bytes;
  int v = 77, back = 0;
  CU(cuModuleLoadDataEx(&m, TEXT, 0, nullptr, nullptr));
  CU(cuModuleGetFunction(&f, m, "store"));
  CU_FAILS(cuModuleGetFunction(&f, m, "fetch"), CUDA_ERROR_NOT_FOUND);
  CU(cuModuleGetGlobal(&word, &bytes, m, "shared_word"));
  CU(cuMemcpyDtoH(&back, word, 4));
  CHECK(bytes == 4 && back == 11);
  CU(cuMemAlloc(&p, 64));
  void* args[] = {&p, &v};
  CU(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, nullptr, args, nullptr));
  CU(cuMemcpyDtoH(&back, p, 4));
  CHECK(back == 77);
  struct {
    CUdeviceptr p;
    int v;
  } packed = {p, 78};
  size_t size = 12;
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                   CU_LAUNCH_PARAM_END};
  CU(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, extra));
  CU(cuMemcpyDtoH(&back, p, 4));
  CHECK(back == 78);
  size = 8;
  CU_FAILS(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, extra), CUDA_ERROR_INVALID_VALUE);
  CU(cuModuleUnload(m));
  CU_FAILS(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, nullptr, args, nullptr), CUDA_ERROR_INVALID_HANDLE);
  CU_FAILS(cuModuleLoadData(&m,
                            "\x7f"
                            "ELF and so on"),
           CUDA_ERROR_NO_BINARY_FOR_GPU);
  CU_FAILS(cuModuleLoadData(&m, ".version 9.0\n.target sm_90a\n.address_size 64\n"),
           CUDA_ERROR_NO_BINARY_FOR_GPU);
  CU_FAILS(cuModuleLoad(&m, "/no/such.ptx"), CUDA_ERROR_FILE_NOT_FOUND);

  CUlibrary l;
  CUkernel k[2];
  unsigned count;
  CU(cuLibraryLoadData(&l, TEXT, nullptr, nullptr, 0, nullptr, nullptr, 0));
  CU(cuLibraryGetKernelCount(&count, l));
  CHECK(count == 2);
  CU(cuLibraryEnumerateKernels(k, 2, l));
  const char* name;
  CU(cuKernelGetName(&name, k[0]));
  CHECK(!std::strcmp(name, "store"));
  size_t offset;
  CU(cuKernelGetParamInfo(k[0], 1, &offset, &size));
  CHECK(offset == 8 && size == 4);
  CU_FAILS(cuKernelGetParamInfo(k[0], 2, &offset, &size), CUDA_ERROR_INVALID_VALUE);
  CU(cuKernelGetFunction(&f, k[0]));
  CU(cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100000, k[0], 0));
  v = 79;
  CU(cuLaunchKernel(reinterpret_cast<CUfunction>(k[0]), 1, 1, 1, 1, 1, 1, 100000, nullptr, args, nullptr));
  CU(cuMemcpyDtoH(&back, p, 4));
  CHECK(back == 79);
  CU(cuLibraryUnload(l));
  // the runtime's handles are the driver's
  int* q;
  OK(cudaMalloc(&q, 32));
  CU(cuMemsetD32(CUdeviceptr(q), 21, 8));
  twice<<<1, 32>>>(q, 8);
  cudaFunction_t g;
  OK(cudaGetFuncBySymbol(&g, reinterpret_cast<const void*>(twice)));
  int n = 4;
  void* more[] = {&q, &n};
  CU(cuLaunchKernel(g, 1, 1, 1, 32, 1, 1, 0, nullptr, more, nullptr));
  int out[8], constant[8];
  OK(cudaMemcpy(out, q, 32, cudaMemcpyDeviceToHost));
  CHECK(out[3] == 84 && out[4] == 42);
  OK(cudaMemcpyFromSymbol(constant, table, 32));
  CHECK(constant[7] == 8);
}

// One answer of the encoder for a 2-D (or other) map that differs from a plain one in a few places.
struct Map {
  unsigned type = CU_TENSOR_MAP_DATA_TYPE_FLOAT16, rank = 2, interleave = 0, swizzle = 0, fill = 0;
  uint64_t address = 0x300000100000, dim[5] = {256, 256, 256, 256, 256},
           stride[4] = {512, 512 << 8, 512ull << 16, 512ull << 24};
  unsigned box[5] = {8, 8, 8, 8, 8}, step[5] = {1, 1, 1, 1, 1};
  CUtensorMap out;
  CUresult encode() {
    return cuTensorMapEncodeTiled(&out, CUtensorMapDataType(type), rank, reinterpret_cast<void*>(address),
                                  dim, stride, box, step, CUtensorMapInterleave(interleave),
                                  CUtensorMapSwizzle(swizzle), CU_TENSOR_MAP_L2_PROMOTION_NONE,
                                  CUtensorMapFloatOOBfill(fill));
  }
};
template <class F>
void takes(int line, CUresult want, F change) {
  Map m;
  change(m);
  CUresult got = m.encode();
  if (got != want) std::printf("line %d: expected %d, got %d\n", line, int(want), int(got)), std::exit(1);
}
#define TAKES(...) takes(__LINE__, CUDA_SUCCESS, [](Map& m) { __VA_ARGS__; })
#define REFUSES(...) takes(__LINE__, CUDA_ERROR_INVALID_VALUE, [](Map& m) { __VA_ARGS__; })

// The answers for types and swizzles of Hopper are those of an H200's driver 580.159; those of Blackwell
// follow the text.
void tensor_maps() {
  start();
  TAKES();
  TAKES(m.stride[0] = 0), TAKES(m.stride[0] = 16), TAKES(m.stride[0] = 496),
      TAKES(m.rank = 3; m.stride[1] = 16);
  REFUSES(m.stride[0] = 1ull << 40), TAKES(m.stride[0] = (1ull << 40) - 16), REFUSES(m.stride[0] = 520);
  REFUSES(m.dim[0] = 0), TAKES(m.dim[0] = 1ull << 32), REFUSES(m.dim[0] = (1ull << 32) + 1),
      TAKES(m.dim[0] = 1);
  REFUSES(m.box[0] = 0), REFUSES(m.box[1] = 257), TAKES(m.box[1] = 256), REFUSES(m.box[0] = 4),
      REFUSES(m.box[0] = 12);
  TAKES(m.address = 0), REFUSES(m.address += 8);
  REFUSES(m.step[0] = 9), REFUSES(m.step[0] = 0), REFUSES(m.step[1] = 9), TAKES(m.step[1] = 8),
      TAKES(m.step[1] = 3; m.box[1] = 2);
  REFUSES(m.swizzle = 1; m.box[0] = 24), TAKES(m.swizzle = 1; m.box[0] = 16),
      REFUSES(m.swizzle = 2; m.box[0] = 64);
  TAKES(m.swizzle = 3; m.box[0] = 64), REFUSES(m.swizzle = 3; m.box[0] = 72), REFUSES(m.swizzle = 7);
  REFUSES(m.interleave = 1), TAKES(m.rank = 3; m.interleave = 1), TAKES(m.rank = 3; m.interleave = 2);
  TAKES(m.rank = 3; m.interleave = 1; m.swizzle = 1; m.box[0] = 64),
      REFUSES(m.rank = 3; m.interleave = 1; m.box[0] = 3);
  REFUSES(m.rank = 3; m.interleave = 2; m.swizzle = 1; m.address += 16),
      REFUSES(m.rank = 3; m.interleave = 1; m.box[0] = 12);
  TAKES(m.fill = 1), REFUSES(m.type = 0; m.fill = 1; m.box[0] = 16), TAKES(m.type = 7; m.fill = 1);
  TAKES(m.rank = 1), REFUSES(m.rank = 0), REFUSES(m.rank = 6), REFUSES(m.type = 16);
  TAKES(m.box[0] = m.box[1] = 256), REFUSES(m.type = 2; m.box[0] = m.box[1] = 256),
      TAKES(m.type = 7; m.box[0] = 256; m.box[1] = 228);
  REFUSES(m.type = 7; m.box[0] = 256; m.box[1] = 254),
      REFUSES(m.type = 0; m.rank = 3; m.box[0] = m.box[1] = 256; m.box[2] = 4);
  TAKES(m.type = 0; m.rank = 3; m.box[0] = m.box[1] = 256; m.box[2] = 4; m.step[1] = 2);
  // Blackwell
  TAKES(m.swizzle = 4; m.box[0] = 64), TAKES(m.swizzle = 5), TAKES(m.swizzle = 6);
  TAKES(m.type = 13; m.box[0] = 32), REFUSES(m.type = 13; m.box[0] = 16),
      REFUSES(m.type = 13; m.box[0] = 32; m.dim[0] = 255);
  TAKES(m.type = 14; m.box[0] = 128), REFUSES(m.type = 14; m.box[0] = 64),
      REFUSES(m.type = 14; m.box[0] = 128; m.dim[0] = 320);
  REFUSES(m.type = 14; m.box[0] = 128; m.address += 16),
      REFUSES(m.type = 14; m.box[0] = 128; m.stride[0] = 528);
  REFUSES(m.type = 14; m.box[0] = 128; m.swizzle = 2), TAKES(m.type = 14; m.box[0] = 128; m.swizzle = 3);
  REFUSES(m.type = 14; m.box[0] = 128; m.swizzle = 6), TAKES(m.type = 15; m.box[0] = 128; m.swizzle = 6);
  REFUSES(m.type = 15; m.box[0] = 128; m.rank = 3; m.interleave = 1);
  Map m;
  CU(m.encode());
  CU(cuTensorMapReplaceAddress(&m.out, reinterpret_cast<void*>(0x300000200000)));
  CU_FAILS(cuTensorMapReplaceAddress(&m.out, reinterpret_cast<void*>(0x300000200008)),
           CUDA_ERROR_INVALID_VALUE);
  CU_FAILS(cuTensorMapEncodeTiled(reinterpret_cast<CUtensorMap*>(reinterpret_cast<char*>(&m.out) + 16),
                                  CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, nullptr, m.dim, m.stride, m.box, m.step,
                                  CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_NONE,
                                  CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
           CUDA_ERROR_INVALID_VALUE);
  int lower[3] = {-1, -1, -1}, upper[3] = {-1, -1, -1}, far[3] = {-129, 0, 0};
  auto im2col = [&](unsigned rank, const int* low, unsigned channels, unsigned pixels) {
    return cuTensorMapEncodeIm2col(&m.out, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, rank, nullptr, m.dim, m.stride,
                                   low, upper, channels, pixels, m.step, CU_TENSOR_MAP_INTERLEAVE_NONE,
                                   CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_NONE,
                                   CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  };
  CU(im2col(4, lower, 64, 128));
  CU_FAILS(im2col(2, lower, 64, 128), CUDA_ERROR_INVALID_VALUE);
  CU_FAILS(im2col(4, far, 64, 128), CUDA_ERROR_INVALID_VALUE);
  CU(im2col(3, far, 64, 128));
  CU_FAILS(im2col(4, lower, 65, 128), CUDA_ERROR_INVALID_VALUE);
  CU_FAILS(im2col(4, lower, 64, 1025), CUDA_ERROR_INVALID_VALUE);
}

void attributes() {
  start();
  int v;
  CU(cuDeviceGetAttribute(&v, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0));
  CHECK(v == 148);
  CU_FAILS(cuDeviceGetAttribute(&v, CUdevice_attribute(9999), 0), CUDA_ERROR_INVALID_VALUE);
  char name[64];
  CU(cuDeviceGetName(name, sizeof name, 0));
  CHECK(std::strstr(name, "B200"));
  CUmodule m;
  CUfunction f;
  CU(cuModuleLoadData(&m, TEXT));
  CU(cuModuleGetFunction(&f, m, "nothing"));
  CU(cuFuncGetAttribute(&v, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, f));
  CHECK(v == 48 * 1024);
  CU_FAILS(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_NUM_REGS, 3), CUDA_ERROR_INVALID_VALUE);
}

void proc_address() {
  start();
  void *two = nullptr, *three = nullptr;
  CUdriverProcAddressQueryResult found;
  CU(cuGetProcAddress("cuCtxGetDevice", &two, 12000, 0, &found));
  CU(cuGetProcAddress("cuCtxGetDevice", &three, 13000, 0, &found));
  CHECK(two == reinterpret_cast<void*>(&cuCtxGetDevice) &&
        three == reinterpret_cast<void*>(&cuCtxGetDevice_v2));
  CU(cuGetProcAddress("cuMemAlloc", &two, 12000, 0, &found));
  CHECK(two == reinterpret_cast<void*>(&cuMemAlloc));
  CU_FAILS(cuGetProcAddress("cuCtxGetDevice_v9", &two, 13000, 0, &found), CUDA_ERROR_NOT_FOUND);
  CHECK(found == CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND && !two);
  // what nobody wrote is there, and says so
  CUarray a;
  CUDA_ARRAY_DESCRIPTOR d = {};
  CU_FAILS(cuArrayCreate(&a, &d), CUDA_ERROR_NOT_SUPPORTED);
}

int main(int argc, char** argv) {
  constexpr Test tests[] = {{"context", context},
                            {"modules", modules},
                            {"tensor_maps", tensor_maps},
                            {"attributes", attributes},
                            {"proc_address", proc_address}};
  return run_tests(argc, argv, tests, sizeof tests / sizeof *tests);
}
