// Stream-ordered allocation. A stream's work is done when its call returns, so these allocate and free at
// once; a pool only remembers its attributes. In a capture the address is taken at once too, and the free
// becomes a node of the graph.
#include <map>
#include <memory>

#include "graph.h"

using namespace sim::host;

namespace {
struct Pool {
  uint64_t threshold = 0, high = 0;
  int reuse[3] = {1, 1, 1};
};
std::map<CUmemoryPool, std::unique_ptr<Pool>>& pools() {
  static auto* all = new std::map<CUmemoryPool, std::unique_ptr<Pool>>;
  return *all;
}
CUmemoryPool default_pool() {
  static CUmemoryPool pool = [] {
    auto p = std::make_unique<Pool>();
    auto handle = reinterpret_cast<CUmemoryPool>(p.get());
    pools()[handle] = std::move(p);
    return handle;
  }();
  return pool;
}
CUmemoryPool chosen = nullptr;                   // cuDeviceSetMemPool
CUresult known(CUmemoryPool pool, Pool*& out) {  // the caller holds the lock
  default_pool();
  auto it = pools().find(pool);
  if (it == pools().end())
    return fail(CUDA_ERROR_INVALID_VALUE, "expected a memory pool that was created and not destroyed");
  out = it->second.get();
  return CUDA_SUCCESS;
}
}  // namespace

CUresult cuMemAllocAsync(CUdeviceptr* at, size_t bytes, CUstream stream) {
  SIM_TRY(known_stream(stream));
  SIM_TRY(ready());
  SIM_TRY(allocate("cuMemAllocAsync", at, bytes));
  auto w = std::make_unique<AllocWork>();  // does nothing; in a capture it is the graph's allocation
  w->params.bytesize = bytes, w->params.dptr = *at;
  return submit(stream, std::move(w));
}
CUresult cuMemAllocFromPoolAsync(CUdeviceptr* at, size_t bytes, CUmemoryPool pool, CUstream stream) {
  Pool* p;
  {
    std::lock_guard g(State::get().lock);
    SIM_TRY(known(pool, p));
  }
  return cuMemAllocAsync(at, bytes, stream);
}
CUresult cuMemFreeAsync(CUdeviceptr at, CUstream stream) {
  SIM_TRY(ready());
  auto w = std::make_unique<FreeWork>();
  w->at = at;
  return submit(stream, std::move(w));
}
CUresult cuMemPoolCreate(CUmemoryPool* pool, const CUmemPoolProps* properties) {
  SIM_TRY(ready());
  if (!pool || !properties) return null("cuMemPoolCreate", "properties and a place for the pool");
  std::lock_guard g(State::get().lock);
  auto p = std::make_unique<Pool>();
  *pool = reinterpret_cast<CUmemoryPool>(p.get());
  pools()[*pool] = std::move(p);
  return CUDA_SUCCESS;
}
CUresult cuMemPoolDestroy(CUmemoryPool pool) {
  std::lock_guard g(State::get().lock);
  Pool* p;
  SIM_TRY(known(pool, p));
  if (pool == default_pool())
    return fail(CUDA_ERROR_INVALID_VALUE, "the default memory pool cannot be destroyed");
  if (chosen == pool) chosen = nullptr;
  pools().erase(pool);
  return CUDA_SUCCESS;
}
CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t) {
  std::lock_guard g(State::get().lock);
  Pool* p;
  return known(pool, p);
}
CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, void* value) {
  std::lock_guard g(State::get().lock);
  Pool* p;
  SIM_TRY(known(pool, p));
  if (!value) return null("cuMemPoolSetAttribute", "a value");
  if (attribute == CU_MEMPOOL_ATTR_RELEASE_THRESHOLD)
    p->threshold = *static_cast<uint64_t*>(value);
  else if (attribute >= CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES &&
           attribute <= CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES)
    p->reuse[attribute - CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES] = *static_cast<int*>(value);
  else if (attribute != CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH && attribute != CU_MEMPOOL_ATTR_USED_MEM_HIGH)
    return fail(CUDA_ERROR_INVALID_VALUE,
                "attribute " + std::to_string(int(attribute)) + " of a memory pool cannot be set");
  return CUDA_SUCCESS;
}
CUresult cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, void* value) {
  std::lock_guard g(State::get().lock);
  Pool* p;
  SIM_TRY(known(pool, p));
  if (!value) return null("cuMemPoolGetAttribute");
  switch (attribute) {
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
      *static_cast<uint64_t*>(value) = p->threshold;
      break;
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
      *static_cast<int*>(value) = p->reuse[attribute - CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES];
      break;
    default:
      *static_cast<uint64_t*>(value) = sim::Memory::device().in_use();  // reserved and used, now and at most
  }
  return CUDA_SUCCESS;
}
CUresult cuMemPoolSetAccess(CUmemoryPool, const CUmemAccessDesc*, size_t) { return ready(); }
CUresult cuMemPoolGetAccess(CUmemAccess_flags* flags, CUmemoryPool, CUmemLocation*) {
  if (!flags) return null("cuMemPoolGetAccess");
  *flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice device) {
  SIM_TRY(check_device(device));
  if (!pool) return null("cuDeviceGetDefaultMemPool");
  *pool = default_pool();
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetMemPool(CUmemoryPool* pool, CUdevice device) {
  SIM_TRY(check_device(device));
  if (!pool) return null("cuDeviceGetMemPool");
  *pool = chosen ? chosen : default_pool();
  return CUDA_SUCCESS;
}
CUresult cuDeviceSetMemPool(CUdevice device, CUmemoryPool pool) {
  SIM_TRY(check_device(device));
  std::lock_guard g(State::get().lock);
  Pool* p;
  SIM_TRY(known(pool, p));
  chosen = pool;
  return CUDA_SUCCESS;
}
