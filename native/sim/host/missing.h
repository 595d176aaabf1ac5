// Symbols for what a header declares: a weak function that says it is missing, which a real definition
// replaces, and the per-thread-default-stream names, which are the same functions here because work is done
// when its call returns. Include the list that names.cmake made after this; the header itself must not be
// included, its signatures differ.
#pragma once
#include <cstdio>
#include <mutex>
#include <set>
#include <string>

#if defined(__x86_64__)
#define SIM_JUMP_AS(binding, name, target)                                                   \
  __asm__(".text\n" binding " " name "\n.type " name ", @function\n" name ":\n  jmp " target \
          "@PLT\n.size " name ", .-" name "\n")
#elif defined(__aarch64__)
#define SIM_JUMP_AS(binding, name, target)                                                                 \
  __asm__(".text\n" binding " " name "\n.type " name ", %function\n" name ":\n  b " target "\n.size " name \
          ", .-" name "\n")
#else
#error "expected x86-64 or AArch64"
#endif
#define SIM_JUMP(name, target) SIM_JUMP_AS(".globl", name, target)

namespace sim::host {
inline void say_missing(const char* name) {
  static std::mutex lock;
  static std::set<std::string>* said = new std::set<std::string>;
  std::lock_guard g(lock);
  if (said->insert(name).second)
    std::fprintf(stderr,
                 "virtual SM100: %s is not part of the virtual GPU; it answers \"operation not supported\"\n",
                 name);
}
}  // namespace sim::host

#define SIM_MISSING(name)                                    \
  extern "C" __attribute__((weak)) int name() {              \
    ::sim::host::say_missing(#name);                         \
    return 801; /* CUDA_ERROR_NOT_SUPPORTED, in both APIs */ \
  }
#define SIM_PER_THREAD(name)                  \
  SIM_JUMP_AS(".weak", #name "_ptsz", #name); \
  SIM_JUMP_AS(".weak", #name "_ptds", #name);
