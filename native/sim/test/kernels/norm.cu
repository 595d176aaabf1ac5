// RMSNorm over rows in registers and shuffles: converged arithmetic and loads, what most of a model's kernels look like.
extern "C" __global__ void rmsnorm(const float* x, const float* w, float* y, int d, float eps) {
  __shared__ float partial[32];
  x += size_t(blockIdx.x) * d, y += size_t(blockIdx.x) * d;
  float s = 0;
  for (int i = threadIdx.x; i < d; i += blockDim.x) s += x[i] * x[i];
  for (int k = 16; k; k /= 2) s += __shfl_xor_sync(~0u, s, k);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = s;
  __syncthreads();
  s = threadIdx.x % 32 < blockDim.x / 32 ? partial[threadIdx.x % 32] : 0;
  for (int k = 16; k; k /= 2) s += __shfl_xor_sync(~0u, s, k);
  float r = rsqrtf(s / d + eps);
  for (int i = threadIdx.x; i < d; i += blockDim.x) y[i] = x[i] * r * w[i];
}

extern "C" __global__ void rmsnorm_v4(const float4* x, const float4* w, float4* y, int d4, float eps) {
  __shared__ float partial[32];
  x += size_t(blockIdx.x) * d4, y += size_t(blockIdx.x) * d4;
  float s = 0;
  for (int i = threadIdx.x; i < d4; i += blockDim.x) {
    float4 v = x[i];
    s += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
  }
  for (int k = 16; k; k /= 2) s += __shfl_xor_sync(~0u, s, k);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = s;
  __syncthreads();
  s = threadIdx.x % 32 < blockDim.x / 32 ? partial[threadIdx.x % 32] : 0;
  for (int k = 16; k; k /= 2) s += __shfl_xor_sync(~0u, s, k);
  float r = rsqrtf(s / (4 * d4) + eps);
  for (int i = threadIdx.x; i < d4; i += blockDim.x) {
    float4 v = x[i], g = w[i];
    y[i] = make_float4(v.x * r * g.x, v.y * r * g.y, v.z * r * g.z, v.w * r * g.w);
  }
}

// Long chains of fused multiply-adds without memory.
extern "C" __global__ void fma_chain(float* y, int n, float a, float b) {
  float v[8];
  for (int k = 0; k < 8; ++k) v[k] = threadIdx.x + k;
  for (int i = 0; i < n; ++i)
    for (int k = 0; k < 8; ++k) v[k] = v[k] * a + b;
  float s = 0;
  for (int k = 0; k < 8; ++k) s += v[k];
  y[blockIdx.x * blockDim.x + threadIdx.x] = s;
}
