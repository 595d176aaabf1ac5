// A test program is a set of named checks; `program NAME` runs one and says "NAME: ok", or where it went
// wrong.
#pragma once
#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define CHECK(cond)                                                                 \
  do                                                                                \
    if (!(cond)) {                                                                  \
      std::printf("%s:%d: expected %s\n", __FILE__, __LINE__, #cond), std::exit(1); \
    }                                                                               \
  while (0)
#define OK(call) ok(call, #call, __FILE__, __LINE__)
inline void ok(cudaError_t e, const char* call, const char* file, int line) {
  if (e) std::printf("%s:%d: %s: %s\n", file, line, call, cudaGetErrorName(e)), std::exit(1);
}
// The call answers this error, which cudaGetLastError then forgets.
#define FAILS(call, error)                                                               \
  do {                                                                                   \
    cudaError_t e_ = (call);                                                             \
    if (e_ != (error)) {                                                                 \
      std::printf("%s:%d: %s: expected %s, got %s\n", __FILE__, __LINE__, #call, #error, \
                  cudaGetErrorName(e_)),                                                 \
          std::exit(1);                                                                  \
    }                                                                                    \
    cudaGetLastError();                                                                  \
  } while (0)

// Device memory that holds these values, and n of them back.
template <class T>
T* device(const std::vector<T>& v) {
  T* p;
  OK(cudaMalloc(&p, v.size() * sizeof(T)));
  OK(cudaMemcpy(p, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice));
  return p;
}
template <class T>
std::vector<T> host(const T* p, size_t n) {
  std::vector<T> v(n);
  OK(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
  return v;
}

struct Test {
  const char* name;
  void (*run)();
};
inline int run_tests(int argc, char** argv, const Test* tests, size_t n) {
  if (argc == 1)
    for (size_t k = 0; k < n; ++k) std::printf("%s\n", tests[k].name);
  for (int a = 1; a < argc; ++a)
    for (size_t k = 0; k < n; ++k)
      if (!std::strcmp(argv[a], tests[k].name)) tests[k].run(), std::printf("%s: ok\n", tests[k].name);
  return 0;
}
