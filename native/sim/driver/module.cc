// Modules: PTX text, or an image that holds some, and what they name.
#include <cstring>

#include "state.h"

namespace sim::driver {

namespace {

// compute_100 code and older runs; "a" and "f" code is for one architecture only.
bool runs_here(const std::string& target) {
  if (target == virtual_options().extra_target) return true;
  if (target.rfind("sm_", 0) != 0) return false;
  int number = std::atoi(target.c_str() + 3);
  bool specific = target.back() == 'a' || target.back() == 'f';
  return specific ? number == 100 : number <= 100;
}
ModuleHandle* known_module(CUmodule module) {  // the caller holds the lock
  auto it = State::get().modules.find(reinterpret_cast<ModuleHandle*>(module));
  return it == State::get().modules.end() ? nullptr : it->second.get();
}
std::string names(const std::vector<std::string>& all) {
  std::string text;
  for (size_t k = 0; k < all.size() && k < 20; ++k) text += (k ? ", " : "") + all[k];
  return all.size() > 20 ? text + " and " + std::to_string(all.size() - 20) + " more" : text;
}

}  // namespace

CUresult load_text(CUmodule* module, const std::string& text) {
  auto h = std::make_unique<ModuleHandle>();
  try {
    h->module = Module::load(text);
    const std::string& target = h->module->text().target;
    if (!runs_here(target))
      return fail(CUDA_ERROR_NO_BINARY_FOR_GPU,
                  "expected PTX for sm_100a, sm_100 or older without a suffix, found .target " + target);
    if (!virtual_options().lazy_loading)
      for (const std::string& name : h->module->entries()) h->module->program(*h->module->entry(name));
  } catch (const ptx::ParseError& e) {
    return fail(CUDA_ERROR_INVALID_PTX, e.what());
  } catch (const std::bad_alloc&) {
    return fail(CUDA_ERROR_OUT_OF_MEMORY, "the host has no memory for the module");
  }
  std::lock_guard g(State::get().lock);
  *module = reinterpret_cast<CUmodule>(h.get());
  State::get().modules[h.get()] = std::move(h);
  return CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  SIM_TRY(ready());
  if (!module || !image)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuModuleLoadData expects PTX text and a place for the module");
  if (State::get().unpack) {
    try {
      return load_text(module, State::get().unpack(image));
    } catch (const ImageError& e) {
      return fail(e.code, e.what());
    }
  }
  constexpr uint8_t ELF[] = {0x7f, 'E', 'L', 'F'}, FATBIN[] = {0x50, 0xed, 0x55, 0xba};
  if (!std::memcmp(image, ELF, 4) || !std::memcmp(image, FATBIN, 4))
    return fail(CUDA_ERROR_NO_BINARY_FOR_GPU,
                "the virtual SM100 runs PTX text, found a binary: compile with nvcc -ptx -arch=compute_100a");
  return load_text(module, static_cast<const char*>(image));
}

CUresult cuModuleUnload(CUmodule module) {
  SIM_TRY(ready());
  std::lock_guard g(State::get().lock);
  ModuleHandle* h = known_module(module);
  if (!h) return fail(CUDA_ERROR_INVALID_HANDLE, "cuModuleUnload expects a loaded module");
  for (const auto& [name, f] : h->functions) State::get().functions.erase(f.get());
  State::get().modules.erase(h);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  SIM_TRY(ready());
  std::lock_guard g(State::get().lock);
  ModuleHandle* h = known_module(module);
  if (!h) return fail(CUDA_ERROR_INVALID_HANDLE, "cuModuleGetFunction expects a loaded module");
  if (!function || !name)
    return fail(CUDA_ERROR_INVALID_VALUE, "cuModuleGetFunction expects a name and a place for the function");
  const ptx::Function* entry = h->module->entry(name);
  if (!entry)
    return fail(CUDA_ERROR_NOT_FOUND, "expected an entry of the module (" + names(h->module->entries()) +
                                          "), found '" + name + "'");
  auto& f = h->functions[name];
  if (!f) {
    try {
      int fixed = int(h->module->program(*entry).static_shared);
      f = std::make_unique<FunctionHandle>(FunctionHandle{h, entry, std::max(0, 48 * 1024 - fixed)});
    } catch (const ptx::ParseError& e) {
      h->functions.erase(name);
      return fail(CUDA_ERROR_INVALID_PTX, e.what());
    }
    State::get().functions.insert(f.get());
  }
  *function = reinterpret_cast<CUfunction>(f.get());
  return CUDA_SUCCESS;
}

CUresult cuModuleGetGlobal(CUdeviceptr* at, size_t* bytes, CUmodule module, const char* name) {
  SIM_TRY(ready());
  std::lock_guard g(State::get().lock);
  ModuleHandle* h = known_module(module);
  if (!h) return fail(CUDA_ERROR_INVALID_HANDLE, "cuModuleGetGlobal expects a loaded module");
  uint64_t address = 0, size = 0;
  if (!name || !h->module->variable(name, address, size))
    return fail(CUDA_ERROR_NOT_FOUND,
                std::string("expected a variable of the module, found '") + (name ? name : "null") + "'");
  if (at) *at = address;
  if (bytes) *bytes = size;
  return CUDA_SUCCESS;
}

}  // namespace sim::driver
