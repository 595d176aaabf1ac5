// openEngine of harness/native.ts: an object that owns a checkpoint on a device; its runs are jobs of that device's thread.
#include <chrono>
#include <cstring>

#include "native/device/virtual.h"
#include "native/engine/engine.h"
#include "values.h"

namespace addon {
namespace {

using device::fail;

// Touched on the device's thread only, but for `device` and `variant`.
struct Handle {
  std::string device, variant;
  std::unique_ptr<engine::Engine> engine;
  // dropped without close(): its memory is freed on the device's thread all the same
  ~Handle() {
    if (engine) later(device, [e = std::shared_ptr<engine::Engine>(std::move(engine))]() mutable { e.reset(); });
  }
};

// What the virtual device counted of one launch, as a JSON array.
struct Counted {
  std::string site, op, counts;
};

struct Pass {
  engine::Request request;
  engine::Result result;
  std::vector<engine::Tap> taps;
  std::vector<Counted> profiles;
  std::vector<std::pair<std::string, uint64_t>> counters;
  double elapsed_ms = 0;
};

std::vector<int32_t> int_list(const Napi::Object& o, const char* key) {
  const Napi::Value v = o.Get(key);
  if (!v.IsTypedArray() || v.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    fail("key \"", key, "\": expected an Int32Array, got ", v.ToString().Utf8Value());
  const auto a = v.As<Napi::Int32Array>();
  return {a.Data(), a.Data() + a.ElementLength()};
}

void parse(const Napi::Object& q, Pass& p, Kept& kept) {
  engine::Request& r = p.request;
  r.lo = int(integer(q, "lo", 0, INT32_MAX));
  r.hi = int(integer(q, "hi", 0, INT32_MAX));
  r.ids = int_list(q, "ids");
  if (has(q, "x")) {
    const View x = bytes_of(q.Get("x"), "x", kept);
    r.x = x.data;
    r.x_bytes = x.bytes;
  }
  r.taps = flag_or(q, "taps", true);
  r.head = flag_or(q, "head", false);
  if (has(q, "sample")) {
    const auto s = q.Get("sample").As<Napi::Object>();
    r.sampling = engine::Sampling{float(number(s, "temperature")), float(number(s, "top_p")),
                                  int32_t(integer(s, "seed", INT32_MIN, INT32_MAX))};
  }
  if (has(q, "mtpIds")) r.mtp_ids = int_list(q, "mtpIds");
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  r.poison_seed = uint64_t(integer_or(q, "poisonSeed", 0, int64_t(1) << 53, int64_t(uint64_t(now) >> 11)));
}

Napi::Object tap_to_js(Napi::Env env, engine::Tap& t) {
  auto o = Napi::Object::New(env);
  auto shape = Napi::Array::New(env, t.shape.size());
  for (size_t i = 0; i < t.shape.size(); ++i) shape.Set(uint32_t(i), double(t.shape[i]));
  o.Set("name", t.name);
  o.Set("site", t.site);
  o.Set("op", t.op);
  o.Set("variant", t.variant);
  o.Set("dtype", t.dtype);
  o.Set("shape", shape);
  o.Set("unwritten", double(t.unwritten));
  o.Set("elapsed_ms", double(t.elapsed_ms));
  o.Set("data", typed_array(env, t.dtype, std::move(t.data)));
  return o;
}

Napi::Value to_js(Napi::Env env, Pass& p) {
  auto o = Napi::Object::New(env);
  auto taps = Napi::Array::New(env, p.taps.size());
  for (size_t i = 0; i < p.taps.size(); ++i) taps.Set(uint32_t(i), tap_to_js(env, p.taps[i]));
  auto profiles = Napi::Array::New(env, p.profiles.size());
  for (size_t i = 0; i < p.profiles.size(); ++i) {
    auto c = Napi::Object::New(env);
    c.Set("site", p.profiles[i].site);
    c.Set("op", p.profiles[i].op);
    c.Set("counts", p.profiles[i].counts);
    profiles.Set(uint32_t(i), c);
  }
  auto counters = Napi::Object::New(env);
  for (const auto& [name, v] : p.counters) counters.Set(name, double(v));
  o.Set("x", typed_array(env, "bf16", std::move(p.result.x)));
  o.Set("taps", taps);
  o.Set("profiles", profiles);
  if (!p.result.logits.empty()) o.Set("logits", typed_array(env, "f32", std::move(p.result.logits)));
  if (!p.result.sampled.empty()) o.Set("sampled", typed_array(env, "i32", std::move(p.result.sampled)));
  o.Set("damage", strings(env, p.result.damage));
  o.Set("counters", counters);
  o.Set("elapsed_ms", p.elapsed_ms);
  return o;
}

void run_pass(Handle& h, Pass& p, const ToJs& to_js_thread, const std::shared_ptr<Napi::FunctionReference>& on_layer) {
  if (!h.engine) fail("engine: expected an open engine, got a closed one");
  p.request.on_tap = [&p](engine::Tap&& t) { p.taps.push_back(std::move(t)); };
  if (on_layer)
    p.request.on_block = [&](int i) {
      to_js_thread([on_layer, i](Napi::Env env) { on_layer->Call({Napi::Number::New(env, i)}); });
    };
  const auto take = device::virtual_device().take_profiles;
  if (h.device == "virtual" && take) {
    take();  // a job that trapped may have left its own
    p.request.on_launch = [&p, take](const std::string& site, const char* op) {
      if (std::string counts = take(); counts != "[]") p.profiles.push_back({site, op, std::move(counts)});
    };
  }
  const auto read = device::virtual_device().counters;
  const bool count = h.device == "virtual" && read;
  const auto before = count ? read() : std::vector<std::pair<std::string, uint64_t>>{};
  const auto start = std::chrono::steady_clock::now();
  p.result = h.engine->run(p.request);
  p.elapsed_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (!count) return;
  p.counters = read();
  for (size_t i = 0; i < before.size(); ++i) p.counters[i].second -= before[i].second;
}

Napi::Value run_layers(const Napi::CallbackInfo& info, const std::shared_ptr<Handle>& h) {
  const auto q = info[0].As<Napi::Object>();
  Job job;
  job.device = h->device;
  job.cancel = cancel_word(q, job.kept);
  auto p = std::make_shared<Pass>();
  parse(q, *p, job.kept);
  std::shared_ptr<Napi::FunctionReference> on_layer;
  if (has(q, "onLayer"))
    on_layer = std::make_shared<Napi::FunctionReference>(Napi::Persistent(q.Get("onLayer").As<Napi::Function>()));
  job.work = [h, p, on_layer](device::Device& dev, const ToJs& js) {
    dev.set_variant(h->variant);
    run_pass(*h, *p, js, on_layer);
  };
  job.finish = [p](Napi::Env env) { return to_js(env, *p); };
  return post(info.Env(), std::move(job));
}

Napi::Value close(const Napi::CallbackInfo& info, const std::shared_ptr<Handle>& h) {
  Job job;
  job.device = h->device;
  job.work = [h](device::Device&, const ToJs&) { h->engine.reset(); };
  job.finish = [](Napi::Env env) { return env.Undefined(); };
  return post(info.Env(), std::move(job));
}

template <class F>
Napi::Function method(Napi::Env env, const std::shared_ptr<Handle>& h, F f) {
  return Napi::Function::New(env, [h, f](const Napi::CallbackInfo& info) -> Napi::Value {
    try {
      return f(info, h);
    } catch (const device::Error& e) {
      throw Napi::Error::New(info.Env(), e.what());
    }
  });
}

}  // namespace

Napi::Value open_engine(const Napi::CallbackInfo& info) {
  const auto q = info[0].As<Napi::Object>();
  const std::string dir = text(q, "dir");
  const bool keep = flag_or(q, "keep", false);
  auto h = std::make_shared<Handle>();
  h->variant = variant_of(q);
  h->device = text_or(q, "device", "virtual");
  Job job;
  job.device = h->device;
  job.cancel = cancel_word(q, job.kept);
  job.work = [h, dir, keep](device::Device& dev, const ToJs&) { h->engine = std::make_unique<engine::Engine>(dev, dir, keep); };
  job.finish = [h](Napi::Env env) {
    auto o = Napi::Object::New(env);
    o.Set("runLayers", method(env, h, run_layers));
    o.Set("close", method(env, h, close));
    return o;
  };
  return post(info.Env(), std::move(job));
}

}  // namespace addon
