// What happens when a program loads libcuda.so.1: options from the environment, fat binaries, sentences on
// stderr, counts at exit.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "../image/fatbin.h"
#include "common.h"

namespace sim::host {

namespace {

// A call that fails tells why, once: the program only sees a code.
void tell(CUresult code, const std::string& sentence) {
  if (code == CUDA_ERROR_NOT_READY || (code != CUDA_SUCCESS && code == State::get().sticky)) return;
  static std::mutex lock;
  static std::set<std::string>* told = new std::set<std::string>;
  std::lock_guard g(lock);
  if (told->insert(sentence).second) std::fprintf(stderr, "virtual SM100: %s\n", sentence.c_str());
}

void write_profile() {
  const std::string& file = virtual_options().profile;
  const std::string json = take_profiles();
  std::FILE* f = std::fopen(file.c_str(), "w");
  if (!f || std::fwrite(json.data(), 1, json.size(), f) != json.size())
    std::fprintf(stderr, "DSV4_SIM_PROFILE: expected a file that can be written, found %s\n", file.c_str());
  if (f) std::fclose(f);
}

__attribute__((constructor)) void setup() {
  VirtualOptions& o = virtual_options();
  o.sticky_faults = o.lazy_loading = true;
  std::string wrong = options_from_environment(o);
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::_Exit(2);
  }
  State::get().unpack = ptx_of_image;
  State::get().tell = tell;
  if (!o.profile.empty()) std::atexit(write_profile);
}

}  // namespace

bool read_file(const char* path, std::string& bytes) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return false;
  std::stringstream s;
  s << in.rdbuf();
  bytes = s.str();
  return true;
}

}  // namespace sim::host
