#include "run.h"

#include <cstring>

namespace engine {
namespace {

// A launch leaves behind what it did not write. Elements of two and four bytes are compared whole (the poison is a NaN that no kernel
// makes); of one byte, four neighbours at once, since a single code may equal the poison by chance.
size_t count_poison(const std::vector<uint8_t>& bytes, DType t, device::Poison p) {
  const size_t unit = t == DType::bf16 ? 2 : 4;
  size_t n = 0;
  for (size_t i = 0; i + unit <= bytes.size(); i += unit) {
    bool same = true;
    for (size_t k = 0; k < unit && same; ++k) same = bytes[i + k] == p.byte(i + k);
    if (same) n += unit;
  }
  return n;
}

}  // namespace

Tensor Run::make(DType t, Shape shape, const std::string& name) {
  Tensor x{t, std::move(shape), nullptr};
  x.buffer = std::make_shared<device::Buffer>(dev_, x.bytes(), name);
  made_.push_back(x.buffer);
  return x;
}

Tensor Run::out(DType t, Shape shape, const std::string& name) {
  Tensor x = make(t, std::move(shape), name);
  x.buffer->fill(device::Poison::from(o_.poison_seed, turn_));
  return x;
}

Tensor Run::upload(DType t, Shape shape, const void* data, const std::string& name) {
  Tensor x = make(t, std::move(shape), name);
  x.buffer->upload(data, x.bytes());
  return x;
}

Tensor Run::upload_i32(const std::vector<int32_t>& v, const std::string& name) {
  return upload(DType::i32, {int64_t(v.size())}, v.data(), name);
}

// Cleared once a pass: a launch that the device stopped may have left it anywhere.
uint32_t* Run::counter() {
  if (!counter_) {
    constexpr uint32_t zero = 0;
    counter_ = std::make_unique<device::Buffer>(dev_, sizeof zero, "counter");
    counter_->upload(&zero, sizeof zero);
  }
  return reinterpret_cast<uint32_t*>(counter_->ptr());
}

Tensor Run::stack_rows(const Tensor& a, const Tensor& b, const std::string& name) {
  if (!b) return a;
  Shape shape = a.shape;
  shape[0] += b.shape[0];
  Tensor x = make(a.dtype, std::move(shape), name);
  const auto copy = dev_.driver().cuMemcpyDtoD;
  dev_.check(copy(x.buffer->ptr(), a.buffer->ptr(), a.bytes()), "cuMemcpyDtoD");
  dev_.check(copy(x.buffer->ptr() + a.bytes(), b.buffer->ptr(), b.bytes()), "cuMemcpyDtoD");
  return x;
}

void Run::launch_raw(const std::string& site, const char* op, const void* params, const std::vector<Part>& outputs) {
  try {
    dev_.mark();
    const device::OpLaunch l = device::launch_op(dev_, device::op_row(op), params);
    if (o_.taps) {
      Tap t;
      t.site = site, t.op = op, t.variant = l.variant, t.elapsed_ms = dev_.wait();
      if (o_.on_launch) o_.on_launch(site, op);
      for (const Part& o : outputs)
        if (o.tensor) tap(t, o);
    }
  } catch (const device::Cancelled&) {
    throw;
  } catch (const device::Error& e) {
    throw device::Error(device::sentence(site, " (", op, "): ", e.what()), e.detail);
  }
  ++turn_;
}

void Run::tap(Tap t, const Part& o) {
  t.name = o.tap;
  t.dtype = name_of(o.tensor.dtype);
  t.shape = o.tensor.shape;
  t.data.resize(o.tensor.bytes());
  o.tensor.buffer->download(t.data.data());
  t.unwritten = count_poison(t.data, o.tensor.dtype, device::Poison::from(o_.poison_seed, turn_));
  o_.on_tap(std::move(t));
}

void Run::finish() {
  dev_.mark();
  dev_.wait();
  for (const auto& b : made_)
    if (std::string d = b->damage(); !d.empty()) damage_.push_back(d);
  made_.clear();
  if (!counter_) return;
  uint32_t left;
  counter_->download(&left);
  if (left != 0) damage_.push_back(device::sentence("counter: expected 0 after every launch, got ", left));
  if (std::string d = counter_->damage(); !d.empty()) damage_.push_back(d);
}

}  // namespace engine
