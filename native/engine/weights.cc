#include "weights.h"

#include <cstring>

#include "native/device/error.h"

namespace engine {
namespace {

using device::fail;

// How the bytes of a disk type are used; packed FP4 gets its logical width.
std::pair<DType, Shape> logical(const Entry& e) {
  Shape shape = e.shape;
  if (e.dtype == "I8" || e.dtype == "U8") {
    shape.back() *= 2;
    return {DType::e2m1, shape};
  }
  if (e.dtype == "F8_E4M3") return {DType::e4m3, shape};
  if (e.dtype == "F8_E8M0") return {DType::ue8m0, shape};
  if (e.dtype == "BF16") return {DType::bf16, shape};
  if (e.dtype == "F32") return {DType::f32, shape};
  return {DType::i32, shape};
}

}  // namespace

Tensor Weights::upload(DType t, Shape shape, const void* data, const std::string& name) {
  Tensor x{t, std::move(shape), nullptr};
  x.buffer = std::make_shared<device::Buffer>(dev_, x.bytes(), name);
  x.buffer->upload(data, x.bytes());
  return x;
}

Tensor Weights::convert(const std::string& name, const Entry& e) {
  const auto [dtype, shape] = logical(e);
  if (e.dtype != "I64") return upload(dtype, shape, e.data, name);
  // the only int64 tensor is tid2eid: token id -> experts
  const int n_expert = ckpt_.config().n_expert;
  std::vector<int32_t> narrow(e.bytes / 8);
  for (size_t i = 0; i < narrow.size(); ++i) {
    int64_t v;
    std::memcpy(&v, e.data + 8 * i, 8);
    if (v < 0 || v >= n_expert)
      fail(ckpt_.dir(), ": tensor \"", name, "\": expected expert ids in 0..", n_expert - 1, ", got ", v, " at element ", i);
    narrow[i] = int32_t(v);
  }
  return upload(dtype, shape, narrow.data(), name);
}

const Tensor& Weights::get(const std::string& name) {
  const auto it = tensors_.find(name);
  if (it != tensors_.end()) return it->second;
  return tensors_.emplace(name, convert(name, ckpt_.get(name))).first->second;
}

Fp8 Weights::fp8(const std::string& name) { return {get(name + ".weight"), get(name + ".scale")}; }

const ExpertStack& Weights::experts(int block, const char* proj, const std::vector<int>& used) {
  const Config& c = ckpt_.config();
  const std::string prefix = c.prefix(block) + "ffn.experts.";
  std::string key = prefix + proj + ":";
  for (int e : used) key += std::to_string(e) + ",";
  if (const auto it = stacks_.find(key); it != stacks_.end()) return it->second;

  const auto entry = [&](int e, const char* leaf) -> const Entry& {
    return ckpt_.get(prefix + std::to_string(e) + "." + proj + "." + leaf);
  };
  const auto stack = [&](const char* leaf) {
    auto [dtype, shape] = logical(entry(used[0], leaf));
    shape.insert(shape.begin(), int64_t(used.size()));
    Tensor x{dtype, shape, nullptr};
    x.buffer = std::make_shared<device::Buffer>(dev_, x.bytes(), prefix + "*." + proj + "." + leaf);
    size_t at = 0;
    for (int e : used) {
      const Entry& one = entry(e, leaf);
      x.buffer->upload(one.data, one.bytes, at);
      at += one.bytes;
    }
    return x;
  };

  ExpertStack s;
  s.w = stack("weight");
  if (!block_is_nvfp4(c, block)) {
    s.w_s = stack("scale");
  } else {
    s.w_s = stack("weight_scale");
    s.w_global = stack("weight_scale_2");
    std::vector<float> by_expert(size_t(c.n_expert), 0.f);
    for (int e : used) std::memcpy(&by_expert[size_t(e)], entry(e, "input_scale").data, 4);
    s.a_global = upload(DType::f32, {c.n_expert}, by_expert.data(), prefix + "*." + proj + ".input_scale");
  }
  return stacks_.emplace(key, std::move(s)).first->second;
}

std::vector<std::string> Weights::release(const std::string& prefix) {
  std::vector<std::string> damage;
  const auto look = [&](const Tensor& t) {
    if (!t) return;
    if (std::string d = t.buffer->damage(); !d.empty()) damage.push_back(d);
  };
  for (auto it = tensors_.begin(); it != tensors_.end();) {
    if (!it->first.starts_with(prefix)) {
      ++it;
      continue;
    }
    look(it->second);
    it = tensors_.erase(it);
  }
  for (auto it = stacks_.begin(); it != stacks_.end();) {
    if (!it->first.starts_with(prefix)) {
      ++it;
      continue;
    }
    for (const Tensor* t : {&it->second.w, &it->second.w_s, &it->second.w_global, &it->second.a_global}) look(*t);
    it = stacks_.erase(it);
  }
  return damage;
}

}  // namespace engine
